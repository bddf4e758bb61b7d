// A first mapping for columns that nobody has mapped yet: by their names and by what stands in them. The person corrects it.

const NAMES = {
  integration_id: /^(id|uid|(customer|user|client|member|profile|integration|external)_?(id|key|number|no))$/i,
  email: /^(e_?)?mail(_?address)?$/i,
  name: /^(full_?|display_?|customer_?)?name$/i,
  phone: /^(phone|mobile|telephone|cell)(_?(number|no))?$/i,
  signup_date: /^(sign(ed)?_?up(_?(date|at|on))?|registered(_?(at|on))?|created_?(at|on))$/i,
};

const TYPES = [
  // A number that begins with 0 is an ID or a postcode.
  ["number", /^-?(0|[1-9]\d*)(\.\d+)?$/],
  ["boolean", /^(true|false|yes|no|[tfyn])$/i],
  ["time", /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/],
  ["list(string)", /^\[\s*(".*")?\s*\]$/],
];

/** Mappings for a table. A column that has no name that Talon.One would take is left out. */
export function suggest({ header, lines }) {
  const taken = new Set();
  const mappings = [];
  header.forEach((source, place) => {
    const known = Object.keys(NAMES).find((field) => !taken.has(field) && NAMES[field].test(source));
    const destination = known ?? source.trim().replace(/[^A-Za-z0-9_]+/g, "_").replace(/^[^A-Za-z]+/, "");
    if (destination === "" || taken.has(destination)) return;
    taken.add(destination);
    const cells = lines.slice(0, 1000).map((line) => line[place]).filter((cell) => cell !== "");
    const type = !known && cells.length > 0 && TYPES.find(([, form]) => cells.every((cell) => form.test(cell)))?.[0];
    mappings.push({ source, destination, ...(type && { type }) });
  });
  return mappings;
}
