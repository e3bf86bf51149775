/** Puts a box that floats above the page beside what it belongs to, inside the window. */
export function placeBeside(anchor: HTMLElement, box: HTMLElement, align: 'start' | 'end' = 'start'): void {
  const edge = 8
  const at = anchor.getBoundingClientRect()
  const { offsetWidth: width, offsetHeight: height } = box
  const left = align === 'start' ? at.left : at.right - width
  const below = at.bottom + 4
  const fits = below + height <= window.innerHeight - edge
  box.style.left = `${Math.max(edge, Math.min(left, window.innerWidth - width - edge))}px`
  box.style.top = `${fits ? below : Math.max(edge, at.top - height - 4 >= edge ? at.top - height - 4 : window.innerHeight - height - edge)}px`
}
