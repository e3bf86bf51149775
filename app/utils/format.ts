const number = new Intl.NumberFormat('en-US')

export function formatCount(value: number): string {
  return number.format(value)
}

/** Counted to 10,000; one more means "more than that". What is not exact is the least that it can be. */
export function formatBounded(value: number, isExact = true): string {
  return value > 10_000 ? '10,000+' : `${number.format(value)}${isExact ? '' : '+'}`
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${formatBounded(value)} ${value === 1 ? one : many}`
}

/** Bytes as one reads them: exact below 10 kB, then rounded. */
export function formatBytes(bytes: number): string {
  if (bytes < 10_000) return `${number.format(bytes)} B`
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}

/** Always UTC, and said so: one clock for everybody who looks. */
export function formatTime(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 19)} UTC`
}

const two = (value: number, digits = 2): string => String(value).padStart(digits, '0')

/** An instant to the minute on the reader's own clock, as a control for times has it; empty where it is none. */
export function localMinute(instant: string): string {
  const at = new Date(instant)
  return Number.isNaN(at.getTime()) ? '' : `${two(at.getFullYear(), 4)}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`
}

/** The instant of a time on the reader's own clock: of an hour that comes twice the first; empty where it is none. */
export function instantOf(local: string): string {
  const at = new Date(local)
  return Number.isNaN(at.getTime()) ? '' : at.toISOString()
}

/** In the largest unit of which there is a whole one. */
function inUnits(milliseconds: number, round: (value: number) => number): string {
  const seconds = Math.max(0, round(milliseconds / 1000))
  if (seconds < 60) return `${seconds} s`
  if (round(seconds / 60) < 60) return `${round(seconds / 60)} min`
  if (round(seconds / 3600) < 24) return `${round(seconds / 3600)} h`
  return `${round(seconds / 86_400)} d`
}

export const formatAge = (milliseconds: number): string => inUnits(milliseconds, Math.floor)
/** A time that is left, rounded up: what has just been given 15 minutes has 15. */
export const formatLeft = (milliseconds: number): string => inUnits(milliseconds, Math.ceil)

export function shortDigest(digest: string): string {
  return digest.slice(0, 10)
}

/** A code as words: `route_disabled` is "route disabled". */
export function words(code: string): string {
  return code.replaceAll('_', ' ')
}

/** As a label begins. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** Text for a page: HTML knows one line end only, and a browser turns the others into it when it reads. */
export function displayText(text: string): string {
  return text.replace(/\r\n?/g, '\n')
}
