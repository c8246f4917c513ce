"""What the admin pages of all apps share: lists that never count everything, states in colour, and hands off."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from hsi import audit
from hsi.queues import QUEUE_NAMES
from hsi.roles import Role, has_role, is_admin
from hsi.secretfields import shown

if TYPE_CHECKING:  # the library is untyped, and Django's class cannot be subscripted at run time
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    from unfold.admin import ModelAdmin, TabularInline

# A list counts this far and no further; who looks for something older narrows the list down.
COUNTED_ROWS = 5_000
# Words without an index are looked for in this many of the newest rows.
SEARCHED_ROWS = 50_000
# Rows that an action of a list is done to in one transaction.
ACTED_ON_AT_ONCE = 500


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # not subscriptable at run time
    """Counts at most `COUNTED_ROWS`, so a list of a million rows costs what one of a few thousand does."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[:COUNTED_ROWS].count())


class AuditedAdmin(ModelAdmin):
    """Each change made here is an entry of the audit log, in the change's transaction.

    A viewer changes nothing, whatever permissions they were given beside the role.
    """

    def has_add_permission(self, request: HttpRequest) -> bool:
        return has_role(request.user, Role.OPERATOR) and bool(super().has_add_permission(request))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request.user, Role.OPERATOR) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request.user, Role.OPERATOR) and bool(super().has_delete_permission(request, obj))

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        message = super().construct_change_message(request, form, formsets, add)
        changed = form.changed_data if form else []
        request.META["hsi.audit"] = {
            "before": {} if add else {name: shown(form.fields[name], form.initial.get(name)) for name in changed},
            "after": {name: shown(form.fields[name], form.cleaned_data.get(name)) for name in changed},
            "more": [part for part in message or () if formset_change(part)],
        }
        return message

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        note_change(request, "added", obj)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        note_change(request, "changed", obj)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            note_change(request, "deleted", obj)
        return super().log_deletions(request, queryset)


def formset_change(part: Any) -> bool:
    """Whether a part of an admin's message tells of a row of an inline, such as a grant of a camera."""
    return isinstance(part, dict) and any(isinstance(told, dict) and "object" in told for told in part.values())


def note_change(request: HttpRequest, what: str, obj: Any) -> None:
    found = request.META.pop("hsi.audit", {})
    kind, after = obj._meta.verbose_name, found.get("after") or {}
    more = {"rows": found["more"]} if found.get("more") else {}
    audit.record(
        f"{obj._meta.model_name}_{what}", f"{kind} {obj.pk}", before=found.get("before") or {"name": str(obj)},
        after=None if what == "deleted" else {**after, **more},
    )  # fmt: skip


class HSIAdmin(AuditedAdmin):
    """A list whose cost does not grow with the table.

    `search_fields` are for small tables. A large one has, in their place, any of `exact_fields` and `number_fields`,
    which are indexed and found by their whole value, and `newest_fields`, looked through in the newest rows.
    """

    exact_fields: tuple[str, ...] = ()
    number_fields: tuple[str, ...] = ()
    newest_fields: tuple[str, ...] = ()

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_fullwidth = True

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        fields = self.exact_fields + self.number_fields + self.newest_fields
        return fields or tuple(super().get_search_fields(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term or self.search_fields:
            return super().get_search_results(request, queryset, search_term)
        ways = [Q(**{field: term}) for field in self.exact_fields]
        if term.isdecimal() and self.number_fields:
            ways += [Q(**{field: int(term)}) for field in self.number_fields]
        elif self.newest_fields:
            newest = self.model._default_manager.order_by("-pk").values_list("pk", flat=True).first() or 0
            found = reduce(or_, (Q(**{field: term}) for field in self.newest_fields))
            ways.append(found & Q(pk__gt=newest - SEARCHED_ROWS))
        return (queryset.filter(reduce(or_, ways)) if ways else queryset.none()), False

    def act_on(self, request: HttpRequest, rows: QuerySet[Any], act: Callable[[Any], object], done: str) -> None:
        """Do it to the first of `rows`, in one transaction that holds them, and say so; `done` as in "reviewed".

        Rows beyond `ACTED_ON_AT_ONCE` are done by doing it again.
        """
        chosen = list(rows.values_list("pk", flat=True)[: ACTED_ON_AT_ONCE + 1])
        with transaction.atomic():
            held = rows.select_for_update(of=("self",)).filter(pk__in=chosen[:ACTED_ON_AT_ONCE]).order_by("pk")
            count = len([act(row) for row in held])
        more = " There are more: do it again." if len(chosen) > ACTED_ON_AT_ONCE else ""
        self.message_user(request, f"{count} {done}.{more}", messages.SUCCESS)


class KnownValuesFilter(admin.SimpleListFilter):
    """Offers the values a column may have, without a look at the rows. `parameter_name` is the column."""

    values: tuple[str, ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, value) for value in self.values]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{str(self.parameter_name): self.value()}) if self.value() else queryset


class QueueFilter(KnownValuesFilter):
    title = parameter_name = "queue"
    values = QUEUE_NAMES


class Inline(TabularInline):
    """Rows within the page of another one."""

    extra = 0


class MachineAdmin(HSIAdmin):
    """Rows that a machine writes: to be looked at, by those who have the model's view permission."""

    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ForAdmins:
    """Rows that say who may see and do what. Whoever else changed them could give themselves the rest."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_admin(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request.user)

    has_add_permission = has_module_permission
    has_change_permission = has_view_permission
    has_delete_permission = has_view_permission


class SuperuserOnlyAdmin(MachineAdmin):
    """Rows that can name any camera's files: grants cannot be applied to them, so they are for administrators."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_admin(request.user)


def badge(words: str, tone: str) -> SafeString:
    """A state in colour and words. `tone`: good, wait, bad, warn or calm."""
    return format_html('<span class="hsi-badge hsi-{}">{}</span>', tone, words)


def thumbnail(url: str, *, large: bool = False) -> SafeString:
    """A picture that links to itself; it is fetched only when it comes into view."""
    kind = "hsi-picture" if large else "hsi-thumb"
    return format_html('<a href="{}"><img class="{}" src="{}" alt="picture" loading="lazy"></a>', url, kind, url)


def about(kind: str, pk: int) -> SafeString:
    """Leads to the page with everything about an upload, a batch or an event; for administrators."""
    return format_html('<a href="{}">Everything about this {}</a>', reverse("admin:about", args=[kind, pk]), kind)


def block(text: str) -> SafeString:
    return format_html('<pre class="hsi-block">{}</pre>', text) if text else SafeString("")


def json_block(value: Any) -> SafeString:
    return block(json.dumps(value, indent=2, ensure_ascii=False) if value else "")


def local_time(value: datetime) -> str:
    """In the site's time zone, as the admin writes times: forms show what a method returns as it is."""
    return date_format(timezone.localtime(value), "DATETIME_FORMAT")


def shortened(text: str, length: int = 120) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
