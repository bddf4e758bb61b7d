// What comes of it: faults of the config, rows that are refused, and the requests to the byte.
import { useState } from "preact/hooks";
import { Body } from "./body.jsx";
import { syncFile } from "./sync.js";

const SHOWN = 100;
const many = (count, one, more = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : more}`;
const bytes = (text) => new TextEncoder().encode(text).length;

function size(count) {
  if (count < 1000) return `${count} bytes`;
  return count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

function Copy({ text, label }) {
  const [said, setSaid] = useState(null);
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
    } catch {
      setSaid("Not allowed here");
    }
    setTimeout(() => setSaid(null), 1500);
  }
  return <button type="button" class="button" onClick={copy} aria-live="polite">{said ?? label}</button>;
}

function Fault({ where, message, hint }) {
  return (
    <li>
      {where && <code>{where}</code>}
      <span>{message}</span>
      {hint && <small>{hint}</small>}
    </li>
  );
}

function Request({ method, path, body }) {
  return (
    <article class="request">
      <div class="title">
        <h3><b class={method}>{method}</b> <span>{path}</span></h3>
        <span class="count">{size(bytes(body))}</span>
        <Copy text={body} label="Copy the body" />
      </div>
      <Body text={body} />
    </article>
  );
}

export function Result({ outcome, fault, table, config }) {
  const [shown, setShown] = useState(3);
  if (fault) return <Verdict kind="wrong" title="The rows can't be read" detail={fault} />;
  const { issues, refused, requests, records, unchanged, removed, failure } = outcome;
  if (issues.length > 0) {
    return (
      <>
        <Verdict kind="wrong" title={`${many(issues.length, "fault")} in the settings`} detail="Nothing would be sent." />
        <ul class="faults card">{issues.map((it, at) => <Fault key={at} where={it.path} message={it.message} hint={it.hint} />)}</ul>
      </>
    );
  }
  if (failure) return <Verdict kind="wrong" title="The rows don't fit the settings" detail={failure} />;
  const total = requests.reduce((sum, { body }) => sum + bytes(body), 0);
  const delivery = records === 0 ? "Nothing to send" : `${many(records, "record")} in ${many(requests.length, "request")}, ${size(total)}`;
  const parts = [`${many(table.lines.length, "row")} read`];
  if (unchanged > 0) parts.push(`${many(unchanged, "member")} unchanged`);
  if (removed > 0) parts.push(`${many(removed, "member")} removed`);
  if (refused.length > 0) parts.push(`${many(refused.length, "row")} refused`);
  return (
    <>
      <Verdict kind={refused.length > 0 ? "partly" : "right"} title={delivery} detail={parts.join(" · ")}>
        {config && <Copy text={syncFile(config, table.delimiter)} label="Copy as sync.toml" />}
      </Verdict>
      {refused.length > 0 && (
        <div class="card">
          <h2>Refused rows</h2>
          <ul class="faults">
            {refused.slice(0, SHOWN).map(({ row, message }) => <Fault key={row} where={`row ${row + 1}`} message={message} />)}
          </ul>
          {refused.length > SHOWN && <p class="hint">and {(refused.length - SHOWN).toLocaleString("en")} more</p>}
        </div>
      )}
      {requests.slice(0, shown).map((request, at) => <Request key={at} {...request} />)}
      {requests.length > shown && (
        <button type="button" class="button more" onClick={() => setShown(shown + 10)}>{many(requests.length - shown, "more request")}</button>
      )}
    </>
  );
}

function Verdict({ kind, title, detail, children }) {
  return (
    <div class={`verdict ${kind}`}>
      <div>
        <h2>{title}</h2>
        <p>{detail}</p>
      </div>
      {children}
    </div>
  );
}
