"""The settings of the environment: declared, read, checked and explained.

`options` declares every setting in one table. `environment` reads them from the process and the env files, with
`env_file` for the syntax of a file, `parsing` for the value of a setting, and `unused_settings` for names that have no
effect. The other modules compute what Django's settings need: `databases`, `log_config`, `allowed_hosts`, `time_zone`
and `admin_theme`. `private_files` keeps files closed to other users of the machine.
"""
