"""A webhook as a destination: rows go out as NDJSON, by POST, with a bearer token. A model for plugins of your own.

It repeats nothing: after a transient failure the engine keeps the records, and a later run sends them again."""

import json
import re

from columns import Table, invalid, mapped, permanent
from delivery import KIND, deliver, last_of_each_key, parts, path_of, send
from wit_world import exports
from wit_world.exports import destination as wit

BATCH = 500
DEFAULTS = {"key_column": "id", "sync_mode": "upsert"}
FORMS = {
    "url": (
        r"(https://[\w.-]+|http://(localhost|127\.0\.0\.1))(:\d{1,5})?([/?](?!.*#)[!-~]*)?",
        "an address such as https://hooks.example.com/rows",
    ),
    "token": (r"[!-~]+", "a bearer token, without blanks"),
    "key_column": (r"(?s).+", "the name of a column"),
    "sync_mode": (r"upsert|mirror", "upsert or mirror"),
}
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["url", "token"],
    "additionalProperties": False,
    "properties": {
        "url": {"type": "string", "title": "URL"},
        "token": {"type": "string", "title": "Token", "minLength": 1},
        "key_column": {"type": "string", "title": "Key column", "minLength": 1, "default": DEFAULTS["key_column"]},
        "sync_mode": {"enum": ["upsert", "mirror"], "title": "Mode", "default": DEFAULTS["sync_mode"]},
    },
}


def read(text):
    """The config with its defaults, and every fault at once, each with the path of its key. No fault repeats a value."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        return {}, [wit.ConfigIssue("", 'the config is not a JSON object: expected {"url": …, "token": …}', None)]
    config = DEFAULTS | given
    faults = [
        wit.ConfigIssue(key, f'"{key}" is not a known key; known are {", ".join(FORMS)}', None) for key in config if key not in FORMS
    ]
    for key, (form, expected) in FORMS.items():
        value = config.get(key)
        if not isinstance(value, str) or not re.fullmatch(form, value, re.ASCII):
            faults.append(wit.ConfigIssue(key, f"is missing or not valid: expected {expected}", None))
    return config, faults


def valid(text):
    config, faults = read(text)
    if faults:
        raise invalid("the config is not valid: " + "; ".join(f"{fault.path} {fault.message}" for fault in faults))
    return config


def line(record):
    """`{"action":"upsert","key":"a","row":{"id":"a"}}`, `{"action":"delete","key":"a"}`: a record that the engine made for a row that left a
    mirror has no payload."""
    if record.action == wit.Action.ADD:
        raise invalid(f"record {record.index} is an add: a webhook has no members")
    row = f',"row":{record.payload}' if record.action == wit.Action.UPSERT else ""
    return f'{{"action":"{record.action.name.lower()}","key":{json.dumps(record.key, ensure_ascii=False)}{row}}}\n'


def body(records):
    return "".join(line(record) for record in records)


def post(config, text):
    headers = {"authorization": f"Bearer {config['token']}", "content-type": "application/x-ndjson"}
    return send("POST", config["url"], headers, config["token"], text)


class Destination(exports.Destination):
    def describe(self):
        id_field = wit.Field("id", "ID", "", required=True)
        modes = [wit.SyncMode.UPSERT, wit.SyncMode.MIRROR]
        rows = wit.ObjectType("rows", "Rows", "", modes, wit.SyncMode.UPSERT, [id_field], "id", custom_fields=True)
        endpoint, secret = wit.Endpoint_ConfigKey("url"), wit.Secret("token", wit.SecretUse.HEADERS)
        keys = wit.ConfigKeys([endpoint], [secret], ["url"], ["key_column"], None)
        limits = wit.Limits(BATCH, None, None, None)
        return wit.Descriptor("webhook", "Webhook", "", "0.1.0", [rows], False, limits, keys, json.dumps(SCHEMA))

    def validate_config(self, config):
        return read(config)[1]

    def check_connection(self, config):
        refusal = post(valid(config), "")  # the request of a sync, without a row
        if refusal:
            raise permanent(KIND.REFUSED, refusal.message, refusal.status)
        return wit.ConnectionCheck(["the server answers, and takes the token"], ["that it takes rows"])

    def map_row(self, config, columns, row):
        raise permanent(KIND.UNSUPPORTED, "call map-batch with one row")

    def map_batch(self, config, columns, changes):
        known, rows = valid(config), Table(columns)

        def record(row, change):
            return (wit.Action.DELETE, "") if change == wit.Change.REMOVED else (wit.Action.UPSERT, rows.json(row))

        return mapped(rows.length, changes, rows.column(known["key_column"]).key, record)

    def render_batch(self, config, batch):
        path = path_of(valid(config)["url"])
        return [wit.Request("POST", path, wit.Body_Text(body(part))) for part in parts(last_of_each_key(batch), BATCH)]

    def send_batch(self, config, batch):
        known = valid(config)
        return deliver(batch, parts(last_of_each_key(batch), BATCH), lambda records: post(known, body(records)))
