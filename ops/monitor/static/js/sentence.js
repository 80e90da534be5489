/** An alarm as a sentence that says what happened. */

import { moment, number, percent } from "./format.js";
import { hasText, reasonText, sensorName, t } from "./i18n.js";
import { store } from "./store.js";

export const isOfPatient = (alarm) => alarm.code === "sensor_silent" || alarm.code === "patient_stopped";

export function alarmSentence(alarm) {
  const { restarted, partition } = alarm.detail ?? {};
  const variant = restarted ? ".restarted" : partition === undefined ? "" : ".partition";
  const key = `alarm.${alarm.code}${variant}`;
  if (!hasText(key)) return t("alarm.unknown", alarm);
  return t(key, { subject: alarm.subject, ...written(alarm.detail ?? {}), patient: who(alarm) });
}

export function alarmAdvice(alarm) {
  const key = `advice.${alarm.code}`;
  return hasText(key) ? t(key) : null;
}

function who({ subject, detail }) {
  return detail?.name ? `${subject} (${detail.name})` : subject;
}

function written(detail) {
  const writers = {
    sensor: sensorText,
    last_ms: (at) => moment(at, store.now()),
    end_ms: (at) => moment(at, store.now()),
    share: percent,
    count: (count) => number(count),
    messages: (count) => number(count),
    files: (count) => number(count),
    window_ms: (at) => moment(at, store.now()),
    reason: reasonText,
    producers: (ids) => ids.join(", "),
  };
  return Object.fromEntries(
    Object.entries(detail).map(([name, value]) => [name, writers[name]?.(value) ?? value]),
  );
}

function sensorText(code) {
  const sensor = store.sensors.find((known) => known.code === code);
  return sensor ? `${code} (${sensorName(sensor)})` : code;
}
