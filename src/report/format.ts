/** @file Numbers as people read them. */

/** Whole numbers with thousands separated. @example whole(498750); // "498,750" */
export function whole(value: number): string {
  // by hand, since the first number that Intl formats costs a cold start 30 ms
  return String(Math.round(value)).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** Three significant digits with a unit prefix. @example compact(125_485_696); // "125 M" */
export function compact(value: number): string {
  const units = ["", " k", " M", " G", " T"];
  let scaled = value;
  let unit = 0;
  while (Math.abs(scaled) >= 999.5 && unit < units.length - 1) {
    scaled /= 1000;
    unit++;
  }
  return `${unit === 0 && Number.isInteger(scaled) ? scaled : scaled.toPrecision(3)}${units[unit]}`;
}

/** The same as short as it goes, for axes and names. @example tickText(10_000); // "10 k" */
export function tickText(value: number): string {
  const text = compact(Number(value.toPrecision(3)));
  return text.replace(/\.0+(?= |$)/, "").replace(/(\.\d*?)0+(?= |$)/, "$1");
}

/** @example percent(0.9936); // "99.36%" */
export function percent(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)}%`;
}

/** @example bytes(162_230); // "158.4 KiB" */
export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let scaled = count;
  let unit = 0;
  while (scaled >= 1024 && unit < units.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return `${unit === 0 ? scaled : scaled.toFixed(1)} ${units[unit]}`;
}

/** Seconds as people say them. @example duration(75); // "1 min 15 s" */
export function duration(seconds: number): string {
  const rounded = Math.round(seconds);
  if (rounded < 60) return `${rounded < 10 ? seconds.toFixed(1) : rounded} s`;
  const minutes = Math.floor(rounded / 60);
  return minutes < 60
    ? `${minutes} min ${rounded % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Significant digits without trailing zeros, an exponent only where it helps. @example short(0.00012345); // "1.235e-4" */
export function short(value: number, digits = 4): string {
  const rounded = Number(value.toPrecision(digits));
  const magnitude = Math.abs(rounded);
  const isPlain = magnitude === 0 || (magnitude >= 1e-3 && magnitude < 1e5);
  return isPlain ? String(rounded) : rounded.toExponential();
}
