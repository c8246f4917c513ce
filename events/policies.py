"""Policies: operators review events and alerts; administrators manage rules, channels and deliveries."""

from __future__ import annotations

from functools import partial

from cameras.access import only_visible
from events.models import (
    Alert,
    AlertRule,
    Delivery,
    Event,
    EventFeedback,
    Habit,
    LanguageModelServer,
    NotificationChannel,
    RejectedAnswer,
    Track,
)
from hsi.security.policy import Policy, register
from hsi.security.roles import Role

register(Policy(Role.VIEWER, Role.ADMIN, Role.OPERATOR, Role.OPERATOR, rows=only_visible), Event)
register(Policy(view=Role.VIEWER, change=Role.OPERATOR, rows=only_visible), Alert)
register(Policy(view=Role.VIEWER, delete=Role.OPERATOR, rows=only_visible), Habit)
register(
    Policy(Role.VIEWER, Role.OPERATOR, Role.OPERATOR, rows=partial(only_visible, field="event__camera")), EventFeedback
)
register(Policy(view=Role.VIEWER, rows=partial(only_visible, field="event__camera")), Track)
# A rule reaches every camera, and a channel any receiver.
register(Policy(), AlertRule, NotificationChannel, Delivery)
# An answer quotes what a camera saw, and may come from any camera.
register(Policy(), LanguageModelServer, RejectedAnswer)
