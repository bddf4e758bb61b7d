// The page: what is given on the left, what comes of it on the right. The config is one JSON text; the form is a way to edit it.
import { render } from "preact";
import { useMemo, useState } from "preact/hooks";
import { Form } from "./form.jsx";
import { Result } from "./result.jsx";
import { Rows } from "./rows.jsx";
import { preview } from "./plugin.js";
import { samples } from "./samples.js";
import { suggest } from "./suggestion.js";
import { read } from "./table.js";

const pretty = (config) => JSON.stringify(config, null, 2);

/** The config as an object, or null where the text is no JSON object. */
function parsed(text) {
  try {
    const config = JSON.parse(text);
    return config !== null && typeof config === "object" && !Array.isArray(config) ? config : null;
  } catch {
    return null;
  }
}

function Page() {
  const [sample, setSample] = useState("profiles");
  const [text, setText] = useState(() => pretty(samples.profiles.config));
  const [rows, setRows] = useState(samples.profiles.rows);
  const [before, setBefore] = useState(samples.profiles.before);

  const config = useMemo(() => parsed(text), [text]);
  const table = useMemo(() => read(rows), [rows]);
  const mirror = config?.sync_mode === "mirror";
  const lastTable = useMemo(() => read(before), [before]);
  const last = mirror && lastTable.header.length > 0 ? lastTable : null;
  const fault = table.fault ?? (last?.fault && `last sync: ${last.fault}`);
  const outcome = useMemo(() => (fault ? null : preview(text, table, last)), [text, table, last, fault]);

  function take(name) {
    setSample(name);
    setText(pretty(samples[name].config));
    setRows(samples[name].rows);
    setBefore(samples[name].before);
  }

  /** New rows. Where they lack most columns that are mapped, they are another table, whose columns are mapped afresh. */
  function paste(csv) {
    setRows(csv);
    setSample(null);
    const next = read(csv);
    if (!config || next.fault || next.header.length === 0) return;
    const mapped = Array.isArray(config.mappings) ? config.mappings : [];
    const there = mapped.filter((it) => next.header.includes(it?.source)).length;
    if (there === 0 || there * 2 < mapped.length) setText(pretty({ ...config, mappings: suggest(next) }));
  }

  return (
    <>
      <header>
        <h1>Talon.One destination <span>playground</span></h1>
        <p>The plugin itself runs in this page. Nothing is sent: the page is not allowed to open a connection.</p>
        <nav aria-label="Examples">
          {Object.entries(samples).map(([name, { label }]) => (
            <button key={name} type="button" aria-pressed={sample === name} onClick={() => take(name)}>{label}</button>
          ))}
        </nav>
      </header>
      <main>
        <section aria-label="What you have" class="given">
          <Rows id="rows" label="Your rows" hint="CSV: paste it, drop a file here, or open one. The first line names the columns." text={rows} table={table} onChange={paste} />
          {mirror && <Rows id="before" label="Rows of the last sync" hint="Who is in the audience through the last sync. Leave it empty for a first one." text={before} table={lastTable} onChange={setBefore} />}
          <Form text={text} config={config} table={table} onText={setText} onConfig={(next) => setText(pretty(next))} suggested={() => suggest(table)} />
        </section>
        <section aria-label="What Talon.One would get" class="made" aria-live="polite">
          <Result outcome={outcome} fault={fault} table={table} config={config} />
        </section>
      </main>
    </>
  );
}

render(<Page />, document.body);
