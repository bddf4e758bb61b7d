"""Customers from a CSV file to Talon.One, by dlt: python customers.py COMPONENT FILE.csv. See README.md."""

import csv
import sys

import dlt

from destination_host.dlt import talon_one


@dlt.resource(write_disposition="merge", primary_key="customer_id", columns={"lifetime_value": {"data_type": "decimal"}})
def customers(file):
    with open(file, encoding="utf-8", newline="") as rows:
        # An empty field is null.
        yield [{name: value or None for name, value in row.items()} for row in csv.DictReader(rows)]


def main():
    component, file = sys.argv[1:]
    pipeline = dlt.pipeline("crm", destination=talon_one(component, dead_letters="rejected"))
    print(pipeline.run(customers(file)))


if __name__ == "__main__":
    main()
