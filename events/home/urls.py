from django.urls import path

from events.home import account, views

urlpatterns = [
    path("", views.home, name="home"),
    path("account", account.account, name="account"),
    path("account/password", account.change_password, name="change_password"),
    path("account/tokens", account.make_token, name="make_token"),
    path("account/tokens/<int:pk>/revoke", account.revoke_token, name="revoke_own_token"),
]
