import { createCompoundExpression, type ExpressionNode, type NodeTransform, NodeTypes } from '@vue/compiler-core'

/** Attributes that are read by people. */
const READ = new Set(['title', 'aria-label', 'alt', 'placeholder'])

/**
 * Every text that a template shows goes through `shown`, so that no control character of a user's is shown raw, wherever a page shows
 * what users wrote. It stands in the compiler because a page that forgets it would look the same.
 */
export const shownTexts: NodeTransform = (node, context) => {
  const mark = (expression: ExpressionNode) => {
    if (!context.imports.some(({ path }) => path === '~~/shared/visible')) context.imports.push({ exp: '{ shown as _shown }', path: '~~/shared/visible' })
    return createCompoundExpression(['_shown(', expression, ')'])
  }
  if (node.type === NodeTypes.INTERPOLATION) node.content = mark(node.content)
  if (node.type !== NodeTypes.ELEMENT) return
  for (const prop of node.props) {
    if (prop.type === NodeTypes.DIRECTIVE && prop.name === 'bind' && prop.exp && prop.arg?.type === NodeTypes.SIMPLE_EXPRESSION && prop.arg.isStatic && READ.has(prop.arg.content)) prop.exp = mark(prop.exp)
  }
}
