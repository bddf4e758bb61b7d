"""Runs the command `destination-host` in pipeline runners.

`command` runs it and reads its report; `dagster`, with the process `pipes`, and `airflow` are thin layers over it (extras of the same
names). No row passes through Python here: for that there is the package `destination-host`.
"""
