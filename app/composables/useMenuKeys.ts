/** A menu's keys: arrows, Home and End, and the first letter. Tab goes on to what stands below the entries. */
export function useMenuKeys(box: Readonly<Ref<HTMLElement | null>>, close: () => void) {
  const entries = () => [...box.value?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? []]
  const focus = (at: number) => entries().at(at % entries().length)?.focus()

  function onKey(event: KeyboardEvent) {
    const now = entries().indexOf(document.activeElement as HTMLElement)
    const next = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: -1 }[event.key]
    if (next !== undefined) focus(next)
    else if (event.key === 'Tab' && !box.value?.querySelector('a')) close()
    else if (/^\S$/.test(event.key)) entries().find(entry => entry.textContent?.trim().toLowerCase().startsWith(event.key.toLowerCase()))?.focus()
    else return
    // The page has keys of its own.
    event.stopPropagation()
    if (event.key !== 'Tab') event.preventDefault()
  }
  return { onKey, focus }
}
