"""Base classes of the admin pages: lists with bounded counts, coloured states, and read-only rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import ForeignKey, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from hsi import audit
from hsi.http.request_state import FormChange, state_of
from hsi.models import AuditEntry
from hsi.queues import QUEUE_NAMES
from hsi.security import policy
from hsi.security.policy import Act
from hsi.security.secret_fields import masked

if TYPE_CHECKING:  # the library is untyped, and Django's class cannot be subscripted at run time
    BaseModelAdmin = admin.options.BaseModelAdmin[Any]
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    from django.contrib.admin.options import BaseModelAdmin
    from unfold.admin import ModelAdmin, TabularInline

# Counting stops here. Filters narrow a longer list.
COUNTED_ROWS = 5_000
# A text search without an index covers this many of the newest rows.
SEARCHED_ROWS = 50_000
# Rows that one action of a list changes in one transaction.
ACTED_ON_AT_ONCE = 500


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # not subscriptable at run time
    """Count at most `COUNTED_ROWS`, so that a list of a million rows costs as much as one of a few thousand."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[:COUNTED_ROWS].count())


class ByPolicy(BaseModelAdmin):
    """A page or an inline that follows the policy of its model. Django permissions only restrict it further.

    The queryset decides which rows a user sees. Every page finds its row through the queryset.
    """

    def allows(self, request: HttpRequest, act: Act) -> bool:
        return policy.may(request.user, act, self.model)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, "view") and bool(super().has_module_permission(request))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, "view") and bool(super().has_view_permission(request, obj))

    def has_add_permission(self, request: HttpRequest, *parent: Any) -> bool:
        return self.allows(request, "add") and bool(super().has_add_permission(request, *parent))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, "change") and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, "delete") and bool(super().has_delete_permission(request, obj))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return policy.visible(super().get_queryset(request), request.user)

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows that a form field offers: those that the user may see."""
        offered = super().get_field_queryset(db, db_field, request)
        if offered is None:
            offered = db_field.remote_field.model._default_manager.all()
        return policy.visible(offered, request.user)


class AuditedAdmin(ByPolicy, ModelAdmin):
    """Record each change made here in the audit log, in the transaction of the change."""

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may run buttons and actions, which change rows, also on read-only forms."""
        return ByPolicy.has_change_permission(self, request)

    def get_list_display(self, request: HttpRequest) -> Any:
        return self._shown(request, super().get_list_display(request))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self._shown(request, super().get_fields(request, obj))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Show who changed a row and its inlines, to users who may read the audit log."""
        if not policy.may(request.user, "view", AuditEntry):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def _shown(self, request: HttpRequest, names: Any) -> list[Any]:
        """Return `names` without the fields that refer to a model whose rows the user may not see."""
        relations = {one.name: one.related_model for one in self.opts.fields if isinstance(one, ForeignKey)}
        hidden = {name for name, model in relations.items() if not policy.may(request.user, "view", model)}
        return [name for name in names if not isinstance(name, str) or name not in hidden]

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        message = super().construct_change_message(request, form, formsets, add)
        changed = form.changed_data if form else []
        state_of(request).form_change = FormChange(
            before={} if add else {name: masked(form.fields[name], form.initial.get(name)) for name in changed},
            after={name: masked(form.fields[name], form.cleaned_data.get(name)) for name in changed},
            rows=[part for part in message or () if formset_change(part)],
        )
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
    """Return whether a part of an admin message is about an inline row, such as a grant of a camera."""
    return isinstance(part, dict) and any(isinstance(change, dict) and "object" in change for change in part.values())


def note_change(request: HttpRequest, what: str, obj: Any) -> None:
    state = state_of(request)
    change, state.form_change = state.form_change or FormChange({}, {}, []), None
    rows = {"rows": change.rows} if change.rows else {}
    audit.record(
        f"{obj._meta.model_name}_{what}",
        f"{obj._meta.verbose_name} {obj.pk}",
        before=change.before or {"name": str(obj)},
        after=None if what == "deleted" else {**change.after, **rows},
    )


class HSIAdmin(AuditedAdmin):
    """A list whose cost does not grow with the table.

    Use `search_fields` for small tables only. A large table uses `exact_fields` and `number_fields`, which are indexed
    and matched as a whole, and `newest_fields`, which are searched in the newest rows.
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
        """Apply an action to the first of `rows` in one transaction and report it.

        `done` is a participle such as "reviewed". At most `ACTED_ON_AT_ONCE` rows change. The user repeats the action
        for more.
        """
        chosen = list(rows.values_list("pk", flat=True)[: ACTED_ON_AT_ONCE + 1])
        with transaction.atomic():
            held = rows.select_for_update(of=("self",)).filter(pk__in=chosen[:ACTED_ON_AT_ONCE]).order_by("pk")
            count = len([act(row) for row in held])
        more = " There are more: do it again." if len(chosen) > ACTED_ON_AT_ONCE else ""
        self.message_user(request, f"{count} {done}.{more}", messages.SUCCESS)


class KnownValuesFilter(admin.SimpleListFilter):
    """Offer the values that the column `parameter_name` may have, without querying the rows."""

    values: tuple[str, ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, value) for value in self.values]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{str(self.parameter_name): self.value()}) if self.value() else queryset


class QueueFilter(KnownValuesFilter):
    title = parameter_name = "queue"
    values = QUEUE_NAMES


class VisibleChoices(admin.RelatedFieldListFilter):
    """Offer the rows that the user may see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        rows = policy.visible(field.remote_field.model._default_manager.all(), request.user)
        return [(row.pk, str(row)) for row in rows]


class Inline(ByPolicy, TabularInline):
    """Show rows within the page of another row."""

    extra = 0


class MachineAdmin(HSIAdmin):
    """Show rows that the system writes. No form adds, changes or deletes them."""

    actions: Any = None

    def has_add_permission(self, request: HttpRequest, *parent: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def badge(words: str, tone: str) -> SafeString:
    """Render a state as coloured text. `tone` is good, wait, bad, warn or calm."""
    return format_html('<span class="hsi-badge hsi-{}">{}</span>', tone, words)


def thumbnail(url: str, *, large: bool = False) -> SafeString:
    """Render a picture that links to itself. The browser loads it when it becomes visible."""
    kind = "hsi-picture" if large else "hsi-thumb"
    return format_html('<a href="{}"><img class="{}" src="{}" alt="picture" loading="lazy"></a>', url, kind, url)


def about(kind: str, pk: int) -> SafeString:
    """Link to the history of an upload, a batch or an event, for administrators."""
    return format_html('<a href="{}">Everything about this {}</a>', reverse("admin:about", args=[kind, pk]), kind)


def block(text: str) -> SafeString:
    return format_html('<pre class="hsi-block">{}</pre>', text) if text else SafeString("")


def json_block(value: Any) -> SafeString:
    return block(json.dumps(value, indent=2, ensure_ascii=False) if value else "")


def local_time(value: datetime) -> str:
    """Format a time in the time zone of the site, because forms show the result of a method unchanged."""
    return date_format(timezone.localtime(value), "DATETIME_FORMAT")


def shortened(text: str, length: int = 120) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
