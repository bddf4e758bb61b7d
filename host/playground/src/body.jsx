// A request's body, laid out for reading: a record a line. The text is never parsed into JavaScript's numbers, which would round
// what the plugin keeps: what is shown are the very characters that would be sent, with blanks between.
import { useMemo, useState } from "preact/hooks";

const SHOWN = 20;
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^{}[\],:"\s]+/g;

/** Lines of `[class, text]` tokens. */
function lines(text) {
  const found = [[]];
  let depth = 0;
  const tokens = text.match(TOKEN) ?? [];
  tokens.forEach((token, at) => {
    if ("}]".includes(token)) depth -= 1;
    // The list of records stands at depth 2: {"customerProfiles":[ … ]}.
    if (depth === 1 && token === "]") found.push([]);
    let kind = "mark";
    if (token[0] === '"') kind = tokens[at + 1] === ":" ? "name" : "text";
    else if (!"{}[],:".includes(token)) kind = "number";
    found.at(-1).push([kind, token === "," || token === ":" ? `${token} ` : token]);
    if ("{[".includes(token)) depth += 1;
    if (depth === 2 && (token === "[" || token === ",")) found.push([]);
  });
  return found;
}

export function Body({ text }) {
  const [all, setAll] = useState(false);
  const laid = useMemo(() => lines(text), [text]);
  const hidden = all ? 0 : Math.max(0, laid.length - 2 - SHOWN);
  const visible = hidden > 0 ? [...laid.slice(0, 1 + SHOWN), null, laid.at(-1)] : laid;
  return (
    <pre tabIndex={0} aria-label="body">
      {visible.map((line, at) => line === null
        ? <span key="more" class="line"><button type="button" class="link" onClick={() => setAll(true)}>{`… ${hidden.toLocaleString("en")} more`}</button>{"\n"}</span>
        : <span key={at} class="line">{at > 0 && at < visible.length - 1 ? "  " : ""}{line.map(([kind, token], place) => kind === "mark" ? token : <span key={place} class={kind}>{token}</span>)}{"\n"}</span>)}
    </pre>
  );
}
