/** What a tile and a patient's view say of the patient's state. */

import { plainNumber, time } from "./format.js";
import { shortName, t } from "./i18n.js";
import { STATES, store } from "./store.js";

export const stateName = (index) => STATES[store.state(index)];

/** The state in words: a rejected reading with its value, an unknown state with its beginning. */
export function stateText(index) {
  const name = stateName(index);
  if (name === "unknown") return t("tile.unknown", { since: time(store.unknownSince(index), "minute") });
  const rejected = name === "out" ? store.tiles[index][9] ?? [] : [];
  const values = rejected.map(([column, value]) => `${shortName(store.columns[column])} ${plainNumber(value)}`);
  return [t(`state.${name}`), values.join(", ")].filter(Boolean).join(": ");
}
