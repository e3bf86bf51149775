/** The numbers of jsonb: decimals of any length, exact, with their trailing zeros. */

/** An exact number: `digits` divided by ten to the power of `scale`. */
export class Decimal {
  readonly digits: bigint
  readonly scale: number
  constructor(digits: bigint, scale: number) {
    this.digits = digits
    this.scale = scale
  }
}

/** The most digits of a number before the point, and behind it: `fn_iu_json_unbounded` takes no more. */
const MOST_DIGITS = 500
/** Beyond it jsonb refuses an exponent, also that of a nought. */
const MOST_EXPONENT = 1_073_741_823

/** A text that is no JSON, or that the database does not take. */
export class JsonError extends Error {}

/** A number in its parts: its digits without noughts in front, and how many of them stand behind the point. */
export interface Written { isNegative: boolean, digits: string, scale: number }

/** A number as JSON writes it, its exponent not written out. @throws {JsonError} for one that the database does not take. */
export function readNumber(source: string): Written {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(source)!
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const scale = fraction.length - Number(exponent)
  // Before anything is made of it: of few characters an exponent makes more digits than there is memory.
  if (scale > MOST_DIGITS || Number(exponent) > MOST_EXPONENT || (digits !== '' && digits.length - scale > MOST_DIGITS)) {
    throw new JsonError(`the number ${source.slice(0, 40)} has more than ${MOST_DIGITS} digits before or behind the point`)
  }
  return { isNegative: sign === '-', digits, scale }
}

/** A number as JSON writes it, exactly. @throws {JsonError} for one that the database does not take. */
export function readDecimal(source: string): Decimal {
  const { isNegative, digits, scale } = readNumber(source)
  const whole = BigInt(digits) * (isNegative ? -1n : 1n)
  return scale >= 0 ? new Decimal(whole, scale) : new Decimal(whole && whole * 10n ** BigInt(-scale), 0)
}

/** Less than 0, 0, or more, as `a` is to `b`. */
export function compare(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale)
  const [x, y] = [a, b].map(({ digits, scale: own }) => digits * 10n ** BigInt(scale - own)) as [bigint, bigint]
  return x < y ? -1 : x > y ? 1 : 0
}

export const isWhole = ({ digits, scale }: Decimal): boolean => digits % 10n ** BigInt(scale) === 0n
