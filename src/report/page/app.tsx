import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { visibleLine } from '../../errors/safe-text.ts';
import { plural, size } from '../../events/units.ts';
import type { DescribedLayer, DescribedPackage } from '../../inspect/describe.ts';
import { Details, type Subject } from './details.tsx';
import { compareFiles, comparePackages } from './difference.ts';
import { Dockerfile } from './dockerfile.tsx';
import { GROUPINGS, type Group, type Grouping, Groups } from './groups.ts';
import type { File, ImageModel } from './model.ts';
import * as tabs from './tabs.tsx';
import { buildTree, type Node, nodeAt } from './tree.ts';
import { Treemap } from './treemap.tsx';

interface Props {
  models: readonly ImageModel[];
  version: string;
  /** Everything is shown, controls are not. */
  isPrinting: boolean;
}

const THEMES = { auto: 'auto', light: 'light', dark: 'dark' } as const;
type Theme = keyof typeof THEMES;

/** What is lit in the treemap, besides what is searched for. */
type Focus = { group: Group } | { layer: DescribedLayer } | { package: DescribedPackage } | undefined;

export function App({ models, version, isPrinting }: Props) {
  const isComparison = models.length > 1;
  const [beforeAt, setBefore] = useState(0);
  const [afterAt, setAfter] = useState(models.length - 1);
  const [side, setSide] = useState<'before' | 'after'>('after');
  const [grouping, setGrouping] = useState<Grouping>('kind');
  const [nest, setNest] = useState<Grouping | ''>('');
  const [zoom, setZoom] = useState('');
  const [text, setText] = useState('');
  const [focus, setFocus] = useState<Focus>();
  const [pinned, setPinned] = useState<Subject>();
  const [hovered, setHovered] = useState<Subject>();
  const [theme, setTheme] = useState<Theme>('auto');
  const search = useRef<HTMLInputElement>(null);

  const before = models[beforeAt]!;
  const after = models[afterAt]!;
  const model = side === 'before' ? before : after;
  const drawn = isComparison ? [before, after] : [after];
  const difference = useMemo(
    () =>
      isComparison ? { ...compareFiles(before, after), packages: comparePackages(before, after) } : undefined,
    [before, after],
  );
  const groups = useMemo(() => new Groups(grouping, drawn, difference?.statuses), [grouping, before, after]);
  const trees = useMemo(() => {
    const nested = nest === '' ? undefined : new Groups(nest, drawn, difference?.statuses);
    return drawn.map(({ files }) => buildTree(files, nested));
  }, [nest, before, after]);
  const query = text.trim().toLowerCase();
  const found = useMemo(() => {
    if (query === '' && focus === undefined) return undefined;
    const matches = tabs.matcher(query);
    return trees.map((tree, at) =>
      light(tree, (file) => matches(file) && isIn(focus, file, drawn[at]!, groups)),
    );
  }, [query, focus, trees, groups]);
  const tops = trees.map((tree) => nodeAt(tree, zoom));
  const shownAt = isComparison && side === 'before' ? 0 : drawn.length - 1;

  useEffect(() => {
    document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
      if ((event.target as Element).closest('input, select, textarea')) return;
      event.preventDefault();
      search.current?.select();
      search.current?.focus();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);

  const zoomOut = () => setZoom(tops[shownAt]!.parent?.path ?? '');
  const showFile = (file: File) => {
    const slash = file.path.lastIndexOf('/');
    if (nest === '') setZoom(slash < 0 ? '' : file.path.slice(0, slash));
    setPinned({ model, node: leaf(file) });
    document.getElementById('files')?.scrollIntoView();
  };
  const showPackage = (of: DescribedPackage) => {
    setFocus({ package: of });
    setZoom('');
    setPinned({ model, package: of });
    document.getElementById('files')?.scrollIntoView();
  };
  const subject = hovered ?? pinned ?? { model, node: tops[shownAt]! };

  const panels: [string, ComponentChildren][] = [
    ...(difference === undefined
      ? []
      : ([
          [
            'Difference',
            <tabs.DifferenceTab
              {...{ before, after, files: difference.changes, packages: difference.packages, query }}
              key="d"
            />,
          ],
        ] as [string, ComponentChildren][])),
    ['Packages', <tabs.PackagesTab {...{ model, query }} onPackage={showPackage} key="p" />],
    ['Waste', <tabs.WasteTab {...{ model, query }} key="w" />],
    ['Largest files', <tabs.FilesTab {...{ model, query }} onFile={showFile} key="f" />],
    ['Layers', <tabs.LayersTab model={model} key="l" />],
    ['Config', <tabs.ConfigTab models={drawn} key="c" />],
    ['History', <tabs.HistoryTab model={model} key="h" />],
  ];

  return (
    <>
      <header>
        <div class="title">
          <h1>
            {isComparison ? (
              <>
                <bdi>{before.label}</bdi> <span class="arrow">→</span> <bdi>{after.label}</bdi>
              </>
            ) : (
              <bdi>{model.label}</bdi>
            )}
          </h1>
          {drawn.map((one) => (
            <Figures model={one} isNamed={isComparison} key={one.label} />
          ))}
        </div>
        <div class="controls">
          <label>
            <span>Search</span>
            <input
              ref={search}
              type="search"
              placeholder="path or package  /"
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
              onKeyDown={(event) => event.key === 'Escape' && setText('')}
            />
          </label>
          <Choice label="Theme" value={theme} options={THEMES} onChange={setTheme} />
        </div>
      </header>
      {isComparison && (
        <nav class="sides" aria-label="Images">
          {models.length > 2 && (
            <>
              <Choice
                label="Before"
                value={String(beforeAt)}
                options={labels(models)}
                onChange={(at) => setBefore(Number(at))}
              />
              <Choice
                label="After"
                value={String(afterAt)}
                options={labels(models)}
                onChange={(at) => setAfter(Number(at))}
              />
            </>
          )}
          <fieldset>
            <legend>Details of</legend>
            {(['before', 'after'] as const).map((one) => (
              <label key={one}>
                <input
                  type="radio"
                  name="side"
                  checked={side === one}
                  onChange={() => {
                    setSide(one);
                    setPinned(undefined);
                  }}
                />
                {one}: <bdi>{(one === 'before' ? before : after).label}</bdi>
              </label>
            ))}
          </fieldset>
        </nav>
      )}
      <main>
        <section class="left" aria-labelledby="instructions">
          <h2 id="instructions">Instructions</h2>
          <Dockerfile
            model={model}
            layer={focus !== undefined && 'layer' in focus ? focus.layer : undefined}
            onLayer={(layer) => setFocus(layer && { layer })}
          />
        </section>
        <section class="middle" aria-labelledby="files">
          <h2 id="files">Files</h2>
          <div class="bar-of-choices">
            <Choice
              label="Colour"
              value={grouping}
              options={choices(isComparison)}
              onChange={(by) => {
                setGrouping(by);
                setFocus(undefined);
              }}
            />
            <Choice
              label="Group"
              value={nest}
              options={{ '': 'Directory', ...choices(isComparison) }}
              onChange={(by) => {
                setNest(by);
                setZoom('');
              }}
            />
            <Crumbs top={tops[shownAt]!} onZoom={(path) => setZoom(path)} />
          </div>
          {found !== undefined && (
            <p class="found" role="status">
              {drawn.map((one, at) => (
                <span key={one.label}>
                  {isComparison && `${one.label}: `}
                  <b>{size(found[at]!.bytes)}</b> in {plural(found[at]!.files, 'file')}
                  {at + 1 < drawn.length && ' · '}
                </span>
              ))}{' '}
              <button
                type="button"
                onClick={() => {
                  setText('');
                  setFocus(undefined);
                }}
              >
                Show all
              </button>
            </p>
          )}
          <div class="maps">
            {tops.map((top, at) => (
              <figure key={drawn[at]!.label} style={{ flexGrow: String(widthOf(drawn, at)) }}>
                {isComparison && (
                  <figcaption>
                    {at === 0 ? 'before' : 'after'}: <bdi>{drawn[at]!.label}</bdi>, {size(top.bytes)}
                  </figcaption>
                )}
                {top.bytes === 0 ? (
                  <p class="none">There are no bytes here.</p>
                ) : (
                  <Treemap
                    {...{ top, groups, lit: found?.[at]?.lit, onZoomOut: zoomOut }}
                    label={`Files of ${drawn[at]!.label}`}
                    onHover={(node) => setHovered(node && { model: drawn[at]!, node })}
                    onPick={(node) => setPinned({ model: drawn[at]!, node })}
                    onZoom={(node) => {
                      setZoom(node.path);
                      setPinned(undefined);
                      setHovered(undefined);
                    }}
                  />
                )}
              </figure>
            ))}
          </div>
          <Legend
            groups={groups}
            chosen={focus !== undefined && 'group' in focus ? focus.group : undefined}
            onChoose={(group) => setFocus(group && { group })}
          />
        </section>
        <section class="right" aria-labelledby="details">
          <h2 id="details">Where it is from</h2>
          <Details subject={subject} />
        </section>
        <Tabs panels={panels} isPrinting={isPrinting} />
      </main>
      <footer>
        <p>
          Made by Jettison {version}. Sizes are of contents, hard links once; 1 MB is 1,000,000 bytes. Keys: /
          searches; in the treemap, arrows move, Enter goes in, Escape out; a double click goes one directory
          deeper.
        </p>
      </footer>
    </>
  );
}

function Figures({ model: { label, data, packages }, isNamed }: { model: ImageModel; isNamed: boolean }) {
  const { packed, shipped, tree, waste, files, layers } = data.size;
  const share = shipped === 0 ? 0 : (waste / shipped) * 100;
  return (
    <p>
      {isNamed && (
        <>
          <bdi>{label}</bdi>:{' '}
        </>
      )}
      <b>{size(packed)}</b> to pull · <b>{size(tree)}</b> in {plural(files, 'file')} ·{' '}
      {plural(layers, 'layer')} · {plural(packages.length, 'package')} · <b>{size(waste)}</b> wasted (
      {share.toFixed(1)} %)
      {data.distribution?.name !== undefined && <> · {visibleLine(data.distribution.name)}</>}
    </p>
  );
}

function Crumbs({ top, onZoom }: { top: Node; onZoom: (path: string) => void }) {
  const nodes: Node[] = [];
  for (let node: Node | undefined = top; node !== undefined; node = node.parent) nodes.unshift(node);
  return (
    <nav class="crumbs" aria-label="Where the treemap is">
      {nodes.map((node, at) => (
        <span key={node.path}>
          {at > 0 && <span aria-hidden="true"> / </span>}
          <button
            type="button"
            class="link"
            {...(node === top && { 'aria-current': 'location' as const })}
            onClick={() => onZoom(node.path)}
          >
            <bdi>{at === 0 ? 'all files' : node.name}</bdi>
          </button>
        </span>
      ))}
    </nav>
  );
}

const IN_LEGEND = 24;

interface LegendProps {
  groups: Groups;
  chosen: Group | undefined;
  onChoose: (group: Group | undefined) => void;
}

function Legend({ groups, chosen, onChoose }: LegendProps) {
  const shown = groups.all.slice(0, IN_LEGEND);
  const rest = groups.all.length - shown.length;
  return (
    <ul class="legend" aria-label={`Colours: ${GROUPINGS[groups.by]}`}>
      {shown.map((group) => (
        <li key={group.key}>
          <button
            type="button"
            aria-pressed={chosen === group}
            title={group.label}
            onClick={() => onChoose(chosen === group ? undefined : group)}
          >
            <span
              class={`swatch ${group.hue === undefined ? 'grey' : 'hue'}`}
              style={group.hue === undefined ? {} : { '--hue': String(group.hue) }}
            />
            <bdi>{group.label}</bdi> <small>{size(group.bytes)}</small>
          </button>
        </li>
      ))}
      {rest > 0 && <li class="rest">and {rest} more</li>}
    </ul>
  );
}

function Tabs({ panels, isPrinting }: { panels: [string, ComponentChildren][]; isPrinting: boolean }) {
  const [chosen, setChosen] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const choose = (at: number) => {
    const next = (at + panels.length) % panels.length;
    setChosen(next);
    (list.current!.children[next] as HTMLElement).focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, number> = {
      ...{ ArrowRight: chosen + 1, ArrowLeft: chosen - 1, Home: 0, End: panels.length - 1 },
    };
    const to = moves[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(to);
  };
  return (
    <section class="tabs" aria-label="Tables">
      <div role="tablist" aria-label="Tables" ref={list} onKeyDown={onKeyDown}>
        {panels.map(([name], at) => (
          <button
            type="button"
            role="tab"
            key={name}
            id={`tab-${at}`}
            aria-selected={at === chosen}
            aria-controls={`panel-${at}`}
            tabIndex={at === chosen ? 0 : -1}
            onClick={() => setChosen(at)}
          >
            {name}
          </button>
        ))}
      </div>
      {panels.map(([name, content], at) => (
        <div
          role="tabpanel"
          key={name}
          id={`panel-${at}`}
          aria-labelledby={`tab-${at}`}
          hidden={at !== chosen && !isPrinting}
        >
          <h2>{name}</h2>
          {(at === chosen || isPrinting) && content}
        </div>
      ))}
    </section>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: Record<T, string>;
  onChange: (value: T) => void;
}

function Choice<T extends string>({ label, value, options, onChange }: ChoiceProps<T>) {
  return (
    <label>
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
        {Object.entries(options).map(([key, text]) => (
          <option value={key} key={key} selected={key === value}>
            {text as string}
          </option>
        ))}
      </select>
    </label>
  );
}

function choices(isComparison: boolean): Record<Grouping, string> {
  const { change, ...rest } = GROUPINGS;
  return (isComparison ? { change, ...rest } : rest) as Record<Grouping, string>;
}

function labels(models: readonly ImageModel[]): Record<string, string> {
  return Object.fromEntries(models.map(({ label }, at) => [String(at), label]));
}

/** Of two images side by side, each is as wide as it is large, and wide enough to be read. */
function widthOf(models: readonly ImageModel[], at: number): number {
  const largest = Math.max(1, ...models.map(({ data }) => data.size.tree));
  return Math.max(0.3, models[at]!.data.size.tree / largest);
}

/** The nodes that have a file which counts, and how much that is. */
function light(tree: Node, counts: (file: File) => boolean) {
  const lit = new Set<Node>();
  let [bytes, files] = [0, 0];
  const todo = [tree];
  for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
    for (const child of node.children ?? []) todo.push(child);
    if (node.file === undefined || !counts(node.file)) continue;
    bytes += node.bytes;
    files++;
    for (let up: Node | undefined = node; up !== undefined && !lit.has(up); up = up.parent) lit.add(up);
  }
  return { lit, bytes, files };
}

function isIn(focus: Focus, file: File, model: ImageModel, groups: Groups): boolean {
  if (focus === undefined) return true;
  if ('group' in focus) return groups.of(file) === focus.group;
  if ('layer' in focus) return model.layer(file.layer).diffId === focus.layer.diffId;
  return file.package?.id === focus.package.id;
}

function leaf(file: File): Node {
  const { path, bytes } = file;
  return { name: path, path, bytes, files: 1, parent: undefined, children: undefined, file };
}
