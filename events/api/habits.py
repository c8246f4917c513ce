"""The API of habits: what a camera sees at which hour."""

from __future__ import annotations

from typing import TypedDict

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.access import visible_cameras
from cameras.models import Camera
from events import habits
from events.models import Habit
from hsi.api.openapi import Page
from hsi.api.pagination import single_page


class HabitData(TypedDict):
    """On how many of the last ten days a camera saw a kind of object in one hour of the day."""

    camera: str
    zone_kind: str
    label_group: str
    hour: int
    days: int


class Habits(GenericAPIView[Habit]):
    """What a camera sees at which hour. After it is cleared, everything is unusual until it was seen again."""

    queryset = Habit.objects.none()  # tells the API description the model
    subject = Habit

    def camera(self, pk: str) -> Camera:
        return get_object_or_404(visible_cameras(self.request.user), pk=pk)

    @extend_schema(summary="List the habits of a camera", responses=Page[HabitData])
    def get(self, request: Request, pk: str) -> Response:
        camera = self.camera(pk)
        today = timezone.now().astimezone(camera.zone).date()
        return Response(single_page([habit_data(camera.pk, one) for one in habits.routines(camera.pk, today)]))

    @extend_schema(summary="Clear the habits of a camera", responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        habits.clear(self.camera(pk))
        return Response(status=204)


def habit_data(camera_id: str, routine: habits.Routine) -> HabitData:
    return {
        "camera": camera_id,
        "zone_kind": routine.zone_kind,
        "label_group": routine.label_group,
        "hour": routine.hour,
        "days": routine.days,
    }
