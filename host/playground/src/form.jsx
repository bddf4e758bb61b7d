// The config as a form, or as the JSON that it is. Labels, choices and explanations are the plugin's own: its descriptor and its
// config's schema.
import { useState } from "preact/hooks";
import { descriptor } from "./plugin.js";

const schema = JSON.parse(descriptor.configSchema).properties;
const mapping = schema.mappings.items.properties;

/** The config with one key set; a value that is empty removes it. */
function put(config, key, value) {
  const { [key]: _, ...rest } = config;
  return value === "" || value === undefined ? rest : { ...config, [key]: value };
}

/** A number where digits were typed that a number holds, else what was typed. */
function number(text) {
  return /^\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text;
}

function Field({ name, children }) {
  return (
    <label class="field">
      <span>{schema[name].title}</span>
      {children}
      <small>{schema[name].description}</small>
    </label>
  );
}

function Choice({ options, value, empty, onChange, ...rest }) {
  return (
    <select {...rest} value={value ?? ""} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
      {(empty !== undefined || !options.some(([option]) => option === value)) && <option value="">{empty ?? "choose"}</option>}
      {options.map(([option, label]) => <option key={option} value={option}>{label}</option>)}
    </select>
  );
}

/** Every column of the rows, and every column that is mapped though the rows lack it. */
function Mappings({ config, table, onConfig, suggested }) {
  const mapped = Array.isArray(config.mappings) ? config.mappings : null;
  const kind = descriptor.objectTypes.find(({ name }) => name === config.object_type);
  const lost = (mapped ?? []).map(({ source }) => source).filter((source) => !table.header.includes(source));
  const current = (source) => mapped?.find((it) => it.source === source) ?? (mapped ? undefined : { source, destination: source });

  function change(source, key, value) {
    const before = mapped ?? table.header.map((name) => ({ source: name, destination: name }));
    const next = put(current(source) ?? { source, destination: "" }, key, value);
    // What goes nowhere is not mapped.
    const without = (list) => list.filter((it) => it.source !== source);
    if (!next.destination) return onConfig({ ...config, mappings: without(before) });
    const known = before.some((it) => it.source === source);
    onConfig({ ...config, mappings: known ? before.map((it) => (it.source === source ? next : it)) : [...before, next] });
  }

  return (
    <fieldset class="mappings">
      <legend>{schema.mappings.title}</legend>
      <datalist id="fields">
        {kind?.fields.map(({ name, label }) => <option key={name} value={name}>{label}</option>)}
      </datalist>
      <table>
        <thead><tr><th scope="col">Column</th><th scope="col">{mapping.destination.title}</th><th scope="col">{mapping.type.title}</th><th scope="col">{mapping.default.title}</th></tr></thead>
        <tbody>
          {[...table.header, ...lost].map((source) => {
            const it = current(source);
            const label = (what) => `${what} of column ${source}`;
            return (
              <tr key={source} class={it ? "" : "unused"}>
                <th scope="row" class={lost.includes(source) ? "lost" : ""}>{source}{lost.includes(source) && <small>not among the rows</small>}</th>
                <td><input list="fields" aria-label={label("field")} placeholder="not sent" value={it?.destination ?? ""} onInput={({ currentTarget }) => change(source, "destination", currentTarget.value)} /></td>
                <td><Choice aria-label={label("type")} disabled={!it} empty="as it is" options={mapping.type.enum.map((name) => [name, name])} value={it?.type} onChange={(value) => change(source, "type", value)} /></td>
                <td><input aria-label={label("default")} disabled={!it} placeholder="none" value={it?.default ?? ""} onInput={({ currentTarget }) => change(source, "default", currentTarget.value)} /></td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <p class="hint">
        {mapping.destination.description}{" "}
        <button type="button" class="link" onClick={() => onConfig({ ...config, mappings: suggested() })}>Map by name</button>
      </p>
    </fieldset>
  );
}

function Settings({ config, table, onConfig, suggested }) {
  const kind = descriptor.objectTypes.find(({ name }) => name === config.object_type);
  const set = (key, value) => onConfig(put(config, key, value));
  const text = (key, shape = (it) => it, more = {}) => (
    <Field name={key}>
      <input value={String(config[key] ?? "")} placeholder={String(schema[key].default ?? schema[key].examples?.[0] ?? "")} onInput={({ currentTarget }) => set(key, shape(currentTarget.value))} {...more} />
    </Field>
  );

  /** Another object type has other modes and fields, and perhaps no audience. */
  function become(name) {
    const { audience_id, sync_mode, mappings, ...rest } = config;
    const next = descriptor.objectTypes.find((it) => it.name === name);
    const mode = next.defaultMode ?? next.syncModes[0];
    const audience = name === "customer_profile_audiences" ? { audience_id: audience_id ?? 42 } : {};
    const fits = ({ destination }) => next.customFields || next.fields.some((field) => field.name === destination);
    onConfig({ ...rest, object_type: name, ...audience, sync_mode: mode, ...(Array.isArray(mappings) && { mappings: mappings.filter(fits) }) });
  }

  return (
    <>
      <div class="fields">
        <Field name="object_type">
          <Choice options={descriptor.objectTypes.map(({ name, label }) => [name, label])} value={config.object_type} onChange={become} />
        </Field>
        {kind && kind.syncModes.length > 1 && (
          <Field name="sync_mode">
            <Choice options={kind.syncModes.map((mode) => [mode, mode])} value={config.sync_mode} onChange={(mode) => set("sync_mode", mode)} />
          </Field>
        )}
        {config.object_type === "customer_profile_audiences" && text("audience_id", number, { inputMode: "numeric" })}
      </div>
      <Mappings config={config} table={table} onConfig={onConfig} suggested={suggested} />
      <details>
        <summary>More settings</summary>
        <div class="fields">
          {text("integration_id_prefix")}
          <Field name="nulls">
            <Choice options={schema.nulls.enum.map((it) => [it, it])} value={config.nulls ?? schema.nulls.default} onChange={(it) => set("nulls", it)} />
          </Field>
          {text("batch_size", number, { inputMode: "numeric" })}
          {text("deployment_url")}
        </div>
      </details>
    </>
  );
}

export function Form({ text, config, table, onText, onConfig, suggested }) {
  const [raw, setRaw] = useState(false);
  return (
    <div class="card">
      <div class="title">
        <h2>Your settings</h2>
        <div class="switch" role="group" aria-label="Edit the settings as">
          <button type="button" aria-pressed={!raw} onClick={() => setRaw(false)}>Form</button>
          <button type="button" aria-pressed={raw} onClick={() => setRaw(true)}>JSON</button>
        </div>
      </div>
      {raw && <textarea aria-label="Settings as JSON" class="json" rows={24} spellcheck={false} wrap="off" value={text} onInput={({ currentTarget }) => onText(currentTarget.value)} />}
      {!raw && config && <Settings config={config} table={table} onConfig={onConfig} suggested={suggested} />}
      {!raw && !config && <p class="hint">The settings are no JSON object. Mend them under JSON.</p>}
    </div>
  );
}
