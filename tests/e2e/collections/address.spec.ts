import { createHash } from 'node:crypto'
import type { Page } from '@playwright/test'
import { expect, expectSmall, expectSound, open, test } from '../page.ts'

/** The collection with the most pieces, found the way a user finds it. */
async function openLargest(page: Page): Promise<string> {
  await open(page, '/')
  await page.getByRole('region', { name: 'Collections: Largest' }).getByRole('listitem').first().getByRole('link').click()
  await expect(page).toHaveURL(/\/collections\/.+/)
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  return new URL(page.url()).pathname
}

const ordinals = (page: Page) => page.locator('tbody tr[data-row] > td:first-child').allTextContents().then(cells => cells.map(cell => cell.trim()))

test('the download has the digest that the page shows', async ({ page, request }) => {
  await openLargest(page)
  const digest = await page.locator('[data-render-digest] code').textContent()
  const href = await page.getByRole('link', { name: 'Download', exact: true }).getAttribute('href')
  const answer = await request.get(href!)
  expect(answer.headers()).toMatchObject({ 'content-type': 'text/markdown; charset=utf-8', 'x-content-type-options': 'nosniff' })
  expect(answer.headers()['content-disposition']).toMatch(/^attachment; filename="[\w.-]+"; filename\*=UTF-8''/)
  expect(createHash('sha256').update(await answer.body()).digest('hex')).toBe(digest)
})

test('pieces follow each other without a gap, and back again', async ({ page }) => {
  await openLargest(page)
  await expect.poll(() => ordinals(page)).toEqual(Array.from({ length: 50 }, (_, index) => String(index + 1)))
  await page.getByRole('link', { name: 'Next' }).click()
  await expect.poll(async () => (await ordinals(page))[0]).toBe('51')
  await page.reload()
  expect((await ordinals(page))[0]).toBe('51')
  await page.getByRole('link', { name: 'Previous' }).click()
  await expect.poll(async () => (await ordinals(page))[0]).toBe('1')
})

test('a piece opens to its exact text, and its address can be shared', async ({ page }) => {
  await openLargest(page)
  await page.getByRole('link', { name: /^Show the text of/ }).first().click()
  await expect(page).toHaveURL(/[?&]piece=\d+/)
  const text = page.locator('tbody pre')
  await expect(text).not.toBeEmpty()
  const shown = await text.textContent()
  await page.reload()
  await expect(text).toHaveText(shown!)
  await expectSound(page)
})

test('the rendering is formatted, loads nothing from elsewhere, and turns to its source', async ({ page }) => {
  const path = await openLargest(page)
  await page.getByRole('navigation', { name: 'Views of the collection' }).getByRole('link', { name: 'Rendered' }).click()
  await expect(page).toHaveURL(/[?&]tab=rendered/)
  await expect(page.locator('.md').first()).toBeVisible()
  await expect(page.locator('.md img, .md script, .md iframe')).toHaveCount(0)
  await expectSound(page)
  await page.getByRole('link', { name: 'Source', exact: true }).click()
  await expect(page).toHaveURL(/[?&]view=source/)
  await expect(page.locator('#rendered pre').first()).toBeVisible()
  await expectSound(page)
  await page.goBack()
  await page.goBack()
  await expect(page).toHaveURL(new RegExp(`${path}$`))
})

test('an unknown collection is a real 404 with the way back', async ({ page, request }) => {
  await open(page, '/collections/no/such/collection.md', 404)
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Not found')
  await expect(page.getByRole('navigation', { name: 'Main' })).toBeVisible()
  await expectSound(page)
  await page.getByRole('button', { name: 'All collections' }).click()
  await expect(page).toHaveURL(/\/collections$/)
  expect((await request.get('/api/collections/render?address=no/such')).status()).toBe(404)
})

test('it is accessible, and fits a phone', async ({ page }) => {
  await open(page, await openLargest(page))
  await expectSound(page)
})

test('its scripts are within the budget', async ({ page, browser }) => {
  const url = new URL(await openLargest(page), page.url()).href
  const context = await browser.newContext()
  await expectSmall(await context.newPage(), url)
  await context.close()
})
