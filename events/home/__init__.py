"""The pages for people outside the admin.

`views` renders the live page with the cards of `cards` and the search of `search_form`; `account` is the account page.
"""
