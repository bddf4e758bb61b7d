// The sync file that goes with what the page shows, for destination-host.
import { stringify } from "smol-toml";

/** `config` is the plugin's own. Its key is taken from the environment. `delimiter` is what stands between the cells of the rows. */
export function syncFile(config, delimiter) {
  const sync = {
    name: config.object_type === "customer_profiles" ? "profiles" : "audience",
    destination: { ...config, api_key: "${TALON_ONE_API_KEY}" },
    source: { type: "csv", path: "rows.csv", ...(delimiter !== "," && { delimiter }) },
  };
  if (config.sync_mode === "mirror") sync.state = { path: "audience.state.sqlite" };
  return stringify(sync);
}
