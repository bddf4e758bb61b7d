// A place to put rows: pasted, dropped or opened. A file of many rows is shown by its beginning; all of it is used.
import { useState } from "preact/hooks";

const SHOWN = 100_000;

export function Rows({ id, label, hint, text, table, onChange }) {
  const [over, setOver] = useState(false);
  const long = text.length > SHOWN;
  const open = async (files) => files.length > 0 && onChange(await files[0].text());
  const count = table.lines.length.toLocaleString("en");

  return (
    <div class="card">
      <div class="title">
        <label for={id}><h2>{label}</h2></label>
        <span class="count">{table.header.length > 0 && `${count} ${table.lines.length === 1 ? "row" : "rows"}, ${table.header.length} ${table.header.length === 1 ? "column" : "columns"}`}</span>
        <label class="button">
          Open a file
          <input type="file" accept=".csv,.tsv,.txt,text/csv" onChange={({ currentTarget }) => open(currentTarget.files)} />
        </label>
      </div>
      <textarea
        id={id} class={over ? "over" : ""} rows={8} spellcheck={false} wrap="off" readOnly={long} aria-describedby={`${id}-hint`}
        value={long ? `${text.slice(0, SHOWN)}…` : text}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
        onDragOver={(event) => { event.preventDefault(); setOver(true); }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => { event.preventDefault(); setOver(false); open(event.dataTransfer.files); }}
      />
      <p id={`${id}-hint`} class="hint">
        {long ? <>The beginning is shown; all rows are used. <button type="button" class="link" onClick={() => onChange("")}>Clear</button></> : hint}
      </p>
    </div>
  );
}
