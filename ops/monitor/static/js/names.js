/** The catalogue's name of a sensor or component by its code, or else the code. */

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
