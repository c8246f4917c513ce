"""The admin of the models of this package. Importing it registers every page."""

from hsi.admin import accounts, audit, operations

__all__ = ["accounts", "audit", "operations"]
