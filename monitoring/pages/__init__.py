"""The operations pages of the admin: what is wrong, why, and the button that puts it right."""
