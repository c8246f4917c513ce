"""Django's database engines with the query metrics of django-prometheus (`django_db_*`)."""
