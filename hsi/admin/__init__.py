"""The machinery in Django's admin. Importing it registers every page."""

from hsi.admin import accounts, audit, operations

__all__ = ["accounts", "audit", "operations"]
