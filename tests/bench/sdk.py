"""The job with Talon.One's official Python SDK, as its README says: python sdk.py CSV URL. Four requests under way."""

import csv
import sys
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import talon_one
from talon_one.models import MultipleCustomerProfileIntegrationRequest, MultipleCustomerProfileIntegrationRequestItem

path, url = sys.argv[1:]
configuration = talon_one.Configuration(host=url, api_key={"api_key_v1": "bench"}, api_key_prefix={"api_key_v1": "ApiKey-v1"})
api = talon_one.IntegrationApi(talon_one.ApiClient(configuration))


def send(rows):
    items = [
        MultipleCustomerProfileIntegrationRequestItem(
            integration_id=row["customer_id"],
            attributes={
                "email": row["email"],
                "name": row["name"],
                "signup_date": row["signed_up"] + "T00:00:00Z",
                "tier": row["tier"],
                "lifetime_value": float(row["value"]),
                "marketing_opt_in": row["opted_in"] == "yes",
            },
        )
        for row in rows
    ]
    api.update_customer_profiles_v2(MultipleCustomerProfileIntegrationRequest(customer_profiles=items), silent="yes")


with open(path, encoding="utf-8", newline="") as file, ThreadPoolExecutor(4) as workers:
    under_way, batch = set(), []

    def hand_over(rows):
        global under_way
        if len(under_way) >= 4:
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            for sent in done:
                sent.result()
        under_way.add(workers.submit(send, rows))

    for row in csv.DictReader(file):
        batch.append(row)
        if len(batch) == 1000:
            hand_over(batch)
            batch = []
    if batch:
        hand_over(batch)
    for sent in under_way:
        sent.result()
