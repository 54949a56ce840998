import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { size } from '../../events/units.ts';
import type { Groups } from './groups.ts';
import { layOut, mainGroup, type Node, type Rect } from './tree.ts';

interface Props {
  label: string;
  /** What is drawn: the whole image, or the directory that was zoomed into. */
  top: Node;
  groups: Groups;
  /** Nodes that are searched for; all others are dimmed. */
  lit: ReadonlySet<Node> | undefined;
  onHover: (node: Node | undefined) => void;
  onPick: (node: Node) => void;
  onZoom: (node: Node) => void;
  onZoomOut: () => void;
}

let serial = 0;

/** A treemap of HTML boxes; positions are percentages, so that it fits on paper, too. */
export function Treemap(props: Props) {
  const { label, top, groups, lit, onHover, onPick, onZoom, onZoomOut } = props;
  const [box, setBox] = useState({ width: 0, height: 0 });
  const [active, setActive] = useState(0);
  const [id] = useState(() => `map${++serial}`);
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const measure = () => {
      const { clientWidth: width, clientHeight: height } = element.current!;
      setBox((old) => (old.width === width && old.height === height ? old : { width, height }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, []);
  const rects = useMemo(() => layOut(top, box.width, box.height), [top, box]);
  useLayoutEffect(() => setActive(0), [rects]);

  const at = (event: Event) => {
    const found = (event.target as Element).closest<HTMLElement>('[data-at]');
    return found === null ? undefined : Number(found.dataset['at']);
  };
  const choose = (index: number) => {
    const node = rects[index]?.node;
    if (node === undefined) return;
    if (node.children !== undefined && node !== top) onZoom(node);
    else onPick(node);
  };
  const move = (to: number | undefined) => {
    if (to === undefined || to === active || rects[to] === undefined) return;
    setActive(to);
    onHover(rects[to].node);
  };
  // A directory that is too low for a line of its own is reached through what is in it.
  const zoomTowards = (node: Node) => {
    let child = node;
    while (child.parent !== undefined && child.parent !== top) child = child.parent;
    if (child.children !== undefined && child !== top) onZoom(child);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const keys: Record<string, () => void> = {
      ArrowRight: () => move(sibling(rects, active, 1)),
      ArrowLeft: () => move(sibling(rects, active, -1)),
      ArrowDown: () => move(rects[active]?.isOpen ? firstChild(rects, active) : sibling(rects, active, 1)),
      ArrowUp: () => move(active === 0 ? undefined : rects[active]!.parent),
      Home: () => move(0),
      Enter: () => choose(active),
      ' ': () => choose(active),
      Backspace: onZoomOut,
      Escape: onZoomOut,
    };
    const act = keys[event.key];
    if (act === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  };
  // Kept while the pointer and the cursor move above them.
  const boxes = useMemo(() => <Boxes {...{ id, rects, groups, lit, ...box }} />, [rects, groups, lit]);
  const current = rects[active];
  return (
    <div
      class="treemap"
      ref={element}
      role="tree"
      tabIndex={0}
      aria-label={`${label}: arrow keys move, Enter goes in, Escape out`}
      aria-activedescendant={current && `${id}-${active}`}
      onKeyDown={onKeyDown}
      onMouseMove={(event) => {
        const index = at(event);
        onHover(index === undefined ? undefined : rects[index]!.node);
      }}
      onMouseLeave={() => onHover(undefined)}
      onClick={(event) => {
        const index = at(event);
        if (index === undefined) return;
        setActive(index);
        choose(index);
      }}
      onDblClick={(event) => {
        const index = at(event);
        if (index !== undefined) zoomTowards(rects[index]!.node);
      }}
    >
      {boxes}
      {current && <div class="cursor" role="none" style={place(current, box.width, box.height)} />}
    </div>
  );
}

interface BoxesProps {
  id: string;
  rects: readonly Rect[];
  groups: Groups;
  lit: ReadonlySet<Node> | undefined;
  width: number;
  height: number;
}

function Boxes({ id, rects, groups, lit, width, height }: BoxesProps) {
  return (
    <>
      {rects.map((rect, at) => {
        const { node, rest, isOpen, hasHeader, level } = rect;
        const group = isOpen
          ? undefined
          : node.file !== undefined
            ? groups.of(node.file)
            : mainGroup(rest?.nodes ?? [node], groups);
        const isDim = lit !== undefined && !(rest?.nodes ?? [node]).some((one) => lit.has(one));
        const isNamed = hasHeader || (!isOpen && rect.width > 34 && rect.height > 15);
        const name = rest === undefined ? node.name || 'all files' : `${rest.nodes.length} smaller`;
        const hue = group?.hue;
        const kind = isOpen ? 'open' : hue === undefined ? 'grey' : rest === undefined ? 'hue' : 'rest';
        return (
          // biome-ignore lint/a11y/useFocusableInteractive: the tree has the focus, and names the active item
          <div
            key={at}
            id={`${id}-${at}`}
            data-at={at}
            role="treeitem"
            aria-level={level + 1}
            aria-selected={false}
            aria-label={`${name}, ${size(rest?.bytes ?? node.bytes)}${group === undefined ? '' : `, ${group.label}`}`}
            class={`box ${kind}${isDim ? ' dim' : ''}${level === 0 ? ' top' : ''}`}
            style={{ ...place(rect, width, height), ...(hue !== undefined && { '--hue': String(hue) }) }}
          >
            {isNamed && level > 0 && (
              <span class="name">
                <bdi>{name}</bdi>
                {rect.width > 110 && <small> {size(rest?.bytes ?? node.bytes)}</small>}
              </span>
            )}
          </div>
        );
      })}
    </>
  );
}

function place({ x, y, width, height }: Rect, fullWidth: number, fullHeight: number) {
  const percent = (part: number, of: number) => `${((part / of) * 100).toFixed(3)}%`;
  return {
    left: percent(x, fullWidth),
    top: percent(y, fullHeight),
    width: percent(width, fullWidth),
    height: percent(height, fullHeight),
  };
}

function sibling(rects: readonly Rect[], of: number, step: 1 | -1): number | undefined {
  const { parent, level } = rects[of] ?? {};
  for (let at = of + step; at > 0 && at < rects.length; at += step) {
    if (rects[at]!.level < level!) return undefined;
    if (rects[at]!.level === level && rects[at]!.parent === parent) return at;
  }
  return undefined;
}

function firstChild(rects: readonly Rect[], of: number): number | undefined {
  return rects[of + 1]?.parent === of ? of + 1 : undefined;
}
