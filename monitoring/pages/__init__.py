"""Operations pages of the admin: what is wrong, why, and the action that fixes it."""
