from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hsi.errors import HSIError
from hsi.security.tokens import MAX_DAYS, SCOPES, create_token


class Command(BaseCommand):
    help = "Create an API token for a user. Print it once, as the last line."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="Name of the user whose permissions the token has.")
        parser.add_argument("--name", required=True, help="Name that shows what the token is for.")
        parser.add_argument("--scope", required=True, help=f"Scopes, separated by commas: {', '.join(SCOPES)}.")
        parser.add_argument(
            "--days", type=int, help=f"Days until the token expires, 1 to {MAX_DAYS}. Default: it never expires."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['user']!r}. There are: {names()}.")
        scopes = [scope.strip() for scope in options["scope"].split(",") if scope.strip()]
        try:
            token, text = create_token(user, options["name"], scopes, options["days"])
        except HSIError as error:
            raise CommandError(error.detail) from error
        until = f"until {token.expires_at:%Y-%m-%d %H:%M} UTC" if token.expires_at else "until it is revoked"
        self.stderr.write(
            f"Token of {user.username} with {', '.join(token.scopes)}, valid {until}. It is shown only once:"
        )
        self.stdout.write(text)


def names() -> str:
    return ", ".join(User.objects.order_by("username").values_list("username", flat=True)) or "none yet"
