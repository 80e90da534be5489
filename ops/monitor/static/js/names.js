/** What the catalogue calls a sensor or component that came by its code; else the code itself. */

import { componentName, sensorName } from "./i18n.js";
import { store } from "./store.js";

export function sensorCalled(code) {
  const sensor = store.sensors.find((known) => known.code === code);
  return sensor ? sensorName(sensor) : code ?? "–";
}

export function componentCalled(code) {
  const column = store.columns.find((known) => known.component === code);
  return column ? componentName(column) : code ?? "–";
}
