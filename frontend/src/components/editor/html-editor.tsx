import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { html } from "@codemirror/lang-html";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";

export interface HtmlEditorHandle {
  insert: (token: string) => void;
}

interface Props {
  value: string;
  onChange: (value: string) => void;
  label: string;
  readOnly?: boolean;
  /** Called with the handle while mounted, with null afterwards. */
  onReady?: (handle: HtmlEditorHandle | null) => void;
}

const look = EditorView.theme({
  "&": { fontSize: "13px", height: "100%", backgroundColor: "var(--kb-surface)", color: "var(--mantine-color-text)" },
  ".cm-scroller": { fontFamily: "var(--mantine-font-family-monospace)", minHeight: "360px", overflow: "auto" },
  ".cm-gutters": {
    backgroundColor: "var(--kb-canvas)",
    color: "var(--mantine-color-dimmed)",
    border: "none",
    borderRight: "1px solid var(--kb-line)",
  },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--kb-hover)" },
  "&.cm-focused": { outline: "2px solid var(--mantine-primary-color-filled)", outlineOffset: "-1px" },
  ".cm-cursor": { borderLeftColor: "var(--mantine-color-text)" },
});

/** The theme's tones, which keep their contrast in the light and the dark. */
const colours = HighlightStyle.define([
  { tag: [tags.tagName, tags.keyword, tags.propertyName], color: "var(--kb-good)" },
  { tag: [tags.attributeName, tags.definition(tags.variableName)], color: "var(--kb-info)" },
  { tag: [tags.string, tags.attributeValue, tags.number], color: "var(--kb-bad)" },
  { tag: [tags.comment, tags.meta, tags.processingInstruction], color: "var(--mantine-color-dimmed)" },
]);

/** HTML source. A chunk of its own: import it with `lazy`. Tab leaves the field (no keyboard trap). */
export default function HtmlEditor(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const scheme = useComputedColorScheme("light");
  const dark = useRef(new Compartment());

  // biome-ignore lint/correctness/useExhaustiveDependencies: the editor is made once; later values are handed in below
  useEffect(() => {
    const editor = new EditorView({
      parent: host.current as HTMLDivElement,
      state: EditorState.create({
        doc: props.value,
        extensions: [
          lineNumbers(),
          history(),
          drawSelection(),
          bracketMatching(),
          highlightActiveLine(),
          highlightSelectionMatches(),
          html({ autoCloseTags: true }),
          syntaxHighlighting(colours),
          EditorView.lineWrapping,
          look,
          dark.current.of(EditorView.darkTheme.of(scheme === "dark")),
          EditorState.readOnly.of(props.readOnly ?? false),
          EditorView.contentAttributes.of({ "aria-label": props.label, spellcheck: "false" }),
          keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) {
              latest.current.onChange(update.state.doc.toString());
            }
          }),
        ],
      }),
    });
    view.current = editor;
    props.onReady?.({
      insert: (token) => {
        editor.dispatch(editor.state.replaceSelection(token));
        editor.focus();
      },
    });
    return () => {
      latest.current.onReady?.(null);
      editor.destroy();
    };
  }, []);

  useEffect(() => {
    view.current?.dispatch({
      effects: dark.current.reconfigure(EditorView.darkTheme.of(scheme === "dark")),
    });
  }, [scheme]);

  // A value from outside (restore, reload) replaces the document; the person's own typing is already in it.
  useEffect(() => {
    const editor = view.current;
    if (editor && editor.state.doc.toString() !== props.value) {
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: props.value } });
    }
  }, [props.value]);

  return <div ref={host} className="kb-panel" style={{ overflow: "hidden", resize: "vertical", minHeight: 380 }} />;
}
