// What is known of the fleet: the last overview, with each change worked in.

const KEYS = { jobs: "id", runners: "name", images: "key" };

export const fleet = {
  /** The overview but for its lists; null before the first. */
  now: null,
  jobs: new Map(),
  runners: new Map(),
  images: new Map(),
  /** What is to be added to this machine's clock to get the fleet's. */
  ahead: 0,
};

/** The fleet's time, in milliseconds. */
export const clock = () => Date.now() + fleet.ahead;

export function replace(overview) {
  fleet.now = overview;
  for (const [list, key] of Object.entries(KEYS)) {
    const before = fleet[list];
    fleet[list] = new Map(overview[list].map((row) => {
      const known = before.get(row[key]);
      // The same row keeps its object, so that its element is left alone.
      return [row[key], known && JSON.stringify(known) === JSON.stringify(row) ? known : row];
    }));
  }
  heard(overview.at);
}

export function change({ at, set, lists }) {
  Object.assign(fleet.now, set);
  for (const [list, { put, gone }] of Object.entries(lists)) {
    for (const key of gone) fleet[list].delete(key);
    for (const row of put) fleet[list].set(row[KEYS[list]], row);
  }
  heard(at);
}

export function heard(at) {
  fleet.now.at = at;
  fleet.ahead = Date.parse(at) - Date.now();
}
