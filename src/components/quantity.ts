import type { TranslationBundle } from '@jupyterlab/translation';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];

let formats = formatsOf('en');

/** Write numbers and times as a language does, told by its BCP 47 tag; as English where that is no such tag. */
export function writeAs(language: string): void {
  try {
    formats = formatsOf(language);
  } catch {
    formats = formatsOf('en');
  }
}

/** A size in bytes as a person reads it, in powers of 1000: `20.1 MB`. */
export function size(bytes: number): string {
  const power = powerOf(bytes);
  return `${scaled(bytes, power)} ${UNITS[power]}`;
}

/** Two sizes with one unit: `12.5 of 20.1 MB`. */
export function sizeOf(
  done: number,
  total: number,
  trans: TranslationBundle
): string {
  const power = powerOf(total);
  return trans.__(
    '%1 of %2 %3',
    scaled(Math.min(done, total), power),
    scaled(total, power),
    UNITS[power]
  );
}

/** How much room there is, and whether that is too little. */
export function freeRoom(
  free: number,
  tooLarge: boolean,
  trans: TranslationBundle
): string {
  return tooLarge
    ? trans.__('only %1 free', size(free))
    : trans.__('%1 free', size(free));
}

/** A whole number with its groups told apart. */
export function count(value: number): string {
  return formats.whole.format(value);
}

/** How long something took, to a tenth of a second: `0.2 s`. */
export function seconds(value: number, trans: TranslationBundle): string {
  return trans.__('%1 s', formats.tenths.format(Math.max(0.1, value)));
}

/** A span of time, in seconds, as its two largest parts: `1 h 40`. */
export function duration(span: number, trans: TranslationBundle): string {
  const whole = Math.max(0, Math.round(span));
  if (whole < 60) {
    return trans.__('%1 s', whole);
  }
  const minutes = Math.round(whole / 60);
  if (minutes < 60) {
    return trans.__('%1 min', minutes);
  }
  const hours = Math.floor(minutes / 60);
  if (hours < 24) {
    const rest = minutes % 60;
    return rest ? trans.__('%1 h %2', hours, rest) : trans.__('%1 h', hours);
  }
  return trans._n('%1 day', '%1 days', Math.floor(hours / 24));
}

/** The time of day of a moment in seconds since 1970; with the date if it is not today. */
export function clock(time: number): string {
  const moment = new Date(time * 1000);
  const today = moment.toDateString() === new Date().toDateString();
  return (today ? formats.time : formats.date).format(moment);
}

/** The share that is done, from 0 to 1. */
export function share(done: number, total: number): number {
  return total > 0 ? Math.min(1, done / total) : 0;
}

function powerOf(bytes: number): number {
  let power = 0;
  // 999.95 would be shown as 1000.0
  while (bytes >= 999.95 * 1000 ** power && power < UNITS.length - 1) {
    power += 1;
  }
  return power;
}

function scaled(bytes: number, power: number): string {
  const value = bytes / 1000 ** power;
  return power === 0 || value >= 100
    ? formats.whole.format(value)
    : formats.short.format(value);
}

interface IFormats {
  whole: Intl.NumberFormat;
  tenths: Intl.NumberFormat;
  /** With a tenth where there is one. */
  short: Intl.NumberFormat;
  /** The time of day. */
  time: Intl.DateTimeFormat;
  date: Intl.DateTimeFormat;
}

function formatsOf(language: string): IFormats {
  const format = (
    minimumFractionDigits: number,
    maximumFractionDigits: number
  ) =>
    new Intl.NumberFormat(language, {
      minimumFractionDigits,
      maximumFractionDigits
    });
  // Whether a day has 12 or 24 hours is the habit of the user, which the browser knows.
  const { hourCycle } = Intl.DateTimeFormat([], {
    hour: 'numeric'
  }).resolvedOptions();
  const minute = { hour: '2-digit', minute: '2-digit', hourCycle } as const;
  const day = { day: 'numeric', month: 'short' } as const;
  return {
    whole: format(0, 0),
    tenths: format(1, 1),
    short: format(0, 1),
    time: new Intl.DateTimeFormat(language, minute),
    date: new Intl.DateTimeFormat(language, { ...day, ...minute })
  };
}
