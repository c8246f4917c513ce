"""Bodies of requests: a field that does not exist is an error, as an unknown filter is, and not passed over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rest_framework import serializers

if TYPE_CHECKING:  # the class cannot be subscripted at run time
    Serializer = serializers.Serializer[Any]
else:
    Serializer = serializers.Serializer


class StrictSerializer(Serializer):
    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := sorted(map(str, set(data) - set(self.fields)))):
            allowed = ", ".join(self.fields)
            raise serializers.ValidationError({name: [f"No such field. There are: {allowed}."] for name in unknown})
        return super().to_internal_value(data)
