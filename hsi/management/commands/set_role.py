from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hsi.security.roles import Role, is_admin, set_role


class Command(BaseCommand):
    help = "Set the role of a user: viewer, operator or admin. Viewers and operators need a grant for each camera."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user")
        parser.add_argument("role", choices=[role.group for role in Role])

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            names = ", ".join(User.objects.order_by("username").values_list("username", flat=True))
            raise CommandError(f"There is no user {options['user']!r}. There are: {names or 'none yet'}.")
        role = Role[options["role"].upper()]
        set_role(user, role)
        self.stdout.write(f"{user} is now {role.group}.")
        if role != Role.ADMIN and is_admin(user):
            self.stderr.write(f"{user} is also a superuser and still has every permission.")
