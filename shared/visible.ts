/** Characters that are seen where they belong: within an emoji, and between letters of scripts that join them. */
const MEANT = [
  String.raw`[0-9#*]\uFE0F?\u20E3`,
  String.raw`\u{1F3F4}[\u{E0030}-\u{E0039}\u{E0061}-\u{E007A}]{1,6}\u{E007F}`,
  String.raw`\p{Extended_Pictographic}(?:[\uFE0E\uFE0F]|\p{Emoji_Modifier}|\u200D(?=\p{Extended_Pictographic}))+`,
  String.raw`(?<=[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Khmer}\p{Script=Myanmar}])[\u200C\u200D]`,
  String.raw`(?<=\p{Script=Han})[\uFE00-\uFE02\u{E0100}-\u{E01EF}]`,
  String.raw`(?<=\p{Script=Mongolian})[\u180B-\u180E]`,
].join('|')

/** What a screen shows nothing of, or lets turn the order of what stands around it: controls of every kind, and what is ignored by default. */
const HIDDEN = String.raw`[\p{Default_Ignorable_Code_Point}\p{Cc}\u2028\u2029\uFFF9-\uFFFB]`
const ANY = new RegExp(`(?![\\t\\n\\r])${HIDDEN}`, 'u')
const PARTS = new RegExp(`(${MEANT})|([\\t\\n\\r])|${HIDDEN}`, 'gu')

/** A text as whoever judges it has to see it: what is invisible, or turns the order of reading, stands there by its number. */
export const visible = (text: string): string => !ANY.test(text)
  ? text
  : text.replace(PARTS, (character: string, meant?: string, space?: string) => meant ?? space ?? `⟨U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`)

/** As it is for everything that is no text. Templates call it for what they show. */
export const shown = (value: unknown): unknown => typeof value === 'string' ? visible(value) : value

const EDGE = new RegExp(String.raw`\s|${HIDDEN}`, 'u')
/** An id as it was meant: what comes along when one is copied from elsewhere is not of it. */
export function trimmedId(text: string): string {
  const characters = [...text]
  const isMeant = (character: string) => !EDGE.test(character)
  return characters.slice(Math.max(0, characters.findIndex(isMeant)), characters.findLastIndex(isMeant) + 1).join('')
}
