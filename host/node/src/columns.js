// Rows of texts as columns in Arrow's layout: texts end to end, where each begins, and a bitmap of those that are there.

const encoder = new TextEncoder();

export function textColumns(names, rows) {
  return names.map((name, place) => {
    const texts = rows.map((row) => row[place] ?? "");
    const offsets = new Uint32Array(rows.length + 1);
    const validity = new Uint8Array(Math.ceil(rows.length / 8));
    texts.forEach((text, row) => {
      offsets[row + 1] = offsets[row] + encoder.encode(text).length;
      // As in a CSV file, an empty field is null.
      if (text !== "") validity[row >> 3] |= 1 << (row & 7);
    });
    return { name, validity, values: { tag: "texts", val: { offsets, data: texts.join("") } } };
  });
}
