import { expect, test } from 'vitest'
import { lineDiff } from '../../app/utils/line-diff.ts'

const told = (before: string, after: string) => lineDiff(before, after).map(({ sign, text }) => `${sign}${text}`)

test('two texts differ line by line', () => {
  expect(told('a\r\nb\r\nc', 'a\r\nX\r\nc')).toEqual([' a', '−b', '+X', ' c'])
})

test('a line that differs in its end alone is seen to differ', () => {
  expect(told('a\r\nb\nc', 'a\nb\nc')).toEqual(['−a␍␊', '+a␊', ' b␊', ' c'])
  expect(told('a\rb', 'a\nb')).toEqual(['−a␍', '+a␊', ' b'])
})
