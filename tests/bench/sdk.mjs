// The job with Talon.One's official JavaScript SDK, as its README says: node sdk.mjs CSV URL. Four requests under way.
import { createReadStream } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.env.BENCH_NODE_MODULES + "/");
const { parse } = require("csv-parse");
const TalonOne = require("talon_one");

const [path, url] = process.argv.slice(2);
const client = TalonOne.ApiClient.instance;
client.basePath = url;
client.authentications["api_key_v1"].apiKey = "bench";
client.authentications["api_key_v1"].apiKeyPrefix = "ApiKey-v1";
const api = new TalonOne.IntegrationApi();

const underWay = new Set();
async function send(profiles) {
  while (underWay.size >= 4) await Promise.race(underWay);
  const body = TalonOne.MultipleCustomerProfileIntegrationRequest.constructFromObject({ customerProfiles: profiles });
  const sent = api.updateCustomerProfilesV2(body, { silent: "yes" }).finally(() => underWay.delete(sent));
  underWay.add(sent);
}

let batch = [];
for await (const row of createReadStream(path).pipe(parse({ columns: true }))) {
  batch.push({
    integrationId: row.customer_id,
    attributes: {
      email: row.email,
      name: row.name,
      signup_date: row.signed_up + "T00:00:00Z",
      tier: row.tier,
      lifetime_value: Number(row.value),
      marketing_opt_in: row.opted_in === "yes",
    },
  });
  if (batch.length === 1000) {
    await send(batch);
    batch = [];
  }
}
if (batch.length > 0) await send(batch);
await Promise.all(underWay);
