/* SPDX-License-Identifier: MIT
 *
 * As much of JSON Schema as the gateway's description of itself uses: what does not fit a schema, and the ways in which
 * a document can be wrong by one.
 */

const TYPES = {
  null: (value) => value === null,
  boolean: (value) => typeof value === 'boolean',
  string: (value) => typeof value === 'string',
  integer: (value) => Number.isInteger(value),
  number: (value) => typeof value === 'number',
  array: (value) => Array.isArray(value),
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
};

/* A schema that names no type takes any. */
const isOf = (value, schema) =>
  schema.type === undefined || [schema.type].flat().some((type) => TYPES[type](value));

/* What is wrong with a value, as texts; none when it fits. */
export function faultsOf(value, schema, at = '') {
  const faults = [];

  if (schema.enum !== undefined && !schema.enum.includes(value))
    faults.push(`${at}: ${JSON.stringify(value)} is none of ${schema.enum}`);
  if (!isOf(value, schema))
    return [...faults, `${at}: ${JSON.stringify(value)?.slice(0, 100)} is no ${schema.type}`];

  if (TYPES.array(value))
    return [...faults, ...value.flatMap((item, i) => faultsOf(item, schema.items ?? {}, `${at}/${i}`))];
  if (!TYPES.object(value))
    return faults;

  for (const name of schema.required ?? []) {
    if (!(name in value))
      faults.push(`${at}/${name} is missing`);
  }
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    if (name in value)
      faults.push(...faultsOf(value[name], member, `${at}/${name}`));
  }
  return faults;
}

/* A small value that fits. */
function sampleOf(schema) {
  const [type] = [schema.type].flat();

  if (schema.enum !== undefined)
    return schema.enum[0];
  if (type === 'object')
    return Object.fromEntries((schema.required ?? []).map((name) => [name, sampleOf(schema.properties[name])]));
  return { string: 'x'.repeat(schema.minLength ?? 1), boolean: true, integer: schema.minimum ?? 1,
           number: schema.minimum ?? 1, array: [] }[type];
}

/* Texts that are on no line of plain text. */
const NOT_PLAIN = ['a\nb', 'a\x1b[31mb', 'a\u202eb', 'a\u2028b', '\ufeffa'];

function* wrongValues(schema, at) {
  for (const value of [null, true, 'x', 7, 1.5, [], {}]) {
    if (!isOf(value, schema))
      yield [at, value];
  }

  if (isOf('', schema)) {
    yield* (schema.enum !== undefined ? ['', 'no-such-word', `${schema.enum[0]} `, schema.enum[0].toUpperCase()]
                                      : [...NOT_PLAIN, 'x'.repeat((schema.maxLength ?? 8192) + 1)])
      .map((value) => [at, value]);
    if (schema.minLength > 0)
      yield [at, ''];
  }
  if (isOf(7, schema)) {
    yield* [[at, 1e300], [at, -1e300]];
    yield* [schema.minimum - 1, schema.maximum + 1].filter(Number.isFinite).map((value) => [at, value]);
  }
  if (isOf([], schema)) {
    const item = sampleOf(schema.items);

    yield [at, Array(schema.maxItems + 1).fill(item)];
    for (const [path, value] of wrongValues(schema.items, [...at, 0])) {
      if (path.length === at.length + 1)
        yield [path, value];
      else if (value !== undefined || schema.items.required?.includes(path.at(-1)))
        yield [path, value, item];
    }
  }
  if (isOf({}, schema))
    yield* wrongMembers(schema, at);
}

/* Each way in which one member of an object can be wrong: its path, what it is then (undefined: missing), and, inside
 * of an array, the item that is wrong there only. */
export function* wrongMembers(schema, at = []) {
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    if (schema.required?.includes(name))
      yield [[...at, name], undefined];
    yield* wrongValues(member, [...at, name]);
  }
}

/* A copy of a document with one value in another's place. @item: what an array on the way has, if there is none */
export function changed(document, [name, ...rest], value, item) {
  const copy = Array.isArray(document) ? [...document] : { ...document };

  if (rest.length > 0)
    copy[name] = changed(copy[name] ?? (typeof rest[0] === 'number' ? [item] : {}), rest, value, item);
  else if (value === undefined)
    delete copy[name];
  else
    copy[name] = value;
  return copy;
}
