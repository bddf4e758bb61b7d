// The syncs of examples/, to begin with.
import { parse } from "smol-toml";
import profilesSync from "../../../examples/profiles/sync.toml";
import customers from "../../../examples/profiles/customers.csv";
import audienceSync from "../../../examples/audience/sync.toml";
import members from "../../../examples/audience/members.csv";
import nextWeek from "../../../examples/audience/members-next-week.csv";

/** The `[destination]` of a sync. The URL is of the form that Talon.One gives; the key stays a name: nothing here needs it. */
function destination(sync) {
  return { ...parse(sync).destination, deployment_url: "https://yourcompany.talon.one" };
}

export const samples = {
  profiles: { label: "Profiles", config: destination(profilesSync), rows: customers, before: "" },
  audience: { label: "Mirrored audience", config: destination(audienceSync), rows: nextWeek, before: members },
};
