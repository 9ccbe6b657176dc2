"""Settings of a site in production: no debugging, one connection a process, which stays open.

The server is the private one that `run` starts; it is named by the environment.
"""

import os

SECRET_KEY = "a benchmark signs nothing"
DEBUG = False
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "finance"]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ.get("SEED_BENCH_SOCKETS", ""),
        "NAME": os.environ.get("SEED_BENCH_DATABASE", "seed"),
        "USER": "postgres",
        "CONN_MAX_AGE": None,
    }
}

COMMISSION_RATE = "0.05"
PROCESSOR_FEE_RATE = "0.03"
