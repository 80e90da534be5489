/** Numbers and times as the language writes them. Times are UTC epoch ms, shown in local time. */

import { languageTag } from "./i18n.js";

const made = new Map();

function cached(kind, options, make) {
  const key = `${languageTag()} ${kind} ${options}`;
  if (!made.has(key)) made.set(key, make());
  return made.get(key);
}

export function number(value, decimals = 0) {
  if (value === null || value === undefined) return "–";
  return cached("number", decimals, () => new Intl.NumberFormat(languageTag(), {
    minimumFractionDigits: decimals, maximumFractionDigits: decimals,
  })).format(value);
}

/** Up to ``decimals``, without trailing zeros: for values in a unit that is not the catalogue's. */
export function plainNumber(value, decimals = 3) {
  if (value === null || value === undefined) return "–";
  return cached("plain", decimals, () => new Intl.NumberFormat(languageTag(), {
    maximumFractionDigits: decimals,
  })).format(value);
}

export function percent(share) {
  if (share === null || share === undefined) return "–";
  return cached("percent", 0, () => new Intl.NumberFormat(languageTag(), {
    style: "percent", maximumFractionDigits: 1,
  })).format(share);
}

const TIME = { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false };
const CLOCK = {
  time: TIME,
  minute: { hour: "2-digit", minute: "2-digit", hour12: false },
  day: { day: "numeric", month: "short" },
  moment: { day: "2-digit", month: "2-digit", year: "numeric", ...TIME },
};

export function time(ms, style = "time") {
  if (ms === null || ms === undefined) return "–";
  return cached("time", style, () => new Intl.DateTimeFormat(languageTag(), CLOCK[style])).format(ms);
}

/** The time, with its date unless it is today. */
export function moment(ms, now) {
  const isToday = ms !== null && new Date(ms).toDateString() === new Date(now).toDateString();
  return time(ms, isToday ? "time" : "moment");
}

const UNITS = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000], ["second", 1000]];

function scaled(ms) {
  const [unit, length] = UNITS.find(([, unitMs]) => ms >= 2 * unitMs) ?? UNITS.at(-1);
  return [Math.floor(ms / length), unit];
}

export function ago(ms, now) {
  if (ms === null || ms === undefined) return "–";
  const [amount, unit] = scaled(Math.max(0, now - ms));
  return cached("ago", "", () => new Intl.RelativeTimeFormat(languageTag(), { style: "narrow" }))
    .format(-amount, unit);
}

export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  const [amount, unit] = scaled(ms);
  return cached("duration", unit, () => new Intl.NumberFormat(languageTag(), {
    style: "unit", unit, unitDisplay: "short",
  })).format(amount);
}

export function years(born, now) {
  const birth = new Date(`${born}T00:00:00`);
  const today = new Date(now);
  const hadBirthday = today.getMonth() > birth.getMonth()
    || (today.getMonth() === birth.getMonth() && today.getDate() >= birth.getDate());
  return today.getFullYear() - birth.getFullYear() - (hadBirthday ? 0 : 1);
}

/** The catalogue's plain unit as people write it. */
export const unitText = (unit) => ({ C: "°C", "m/s2": "m/s²" })[unit] ?? unit ?? "";
