//! Documents as PDF/A-2a: what the layout placed is drawn, and every piece is told its place in the structure.

use super::{
    font::face,
    layout::{Block, Document, Laid, Leaf, Part, Piece, Shape, lay},
};
use krilla::{
    Document as Pdf, SerializeSettings,
    color::rgb,
    configure::{Archival, ConfigurationBuilder},
    geom::{PathBuilder, Point, Rect},
    metadata::{DateTime, Metadata},
    num::NormalizedF32,
    page::PageSettings,
    paint::{Fill, FillRule},
    surface::Surface,
    tagging::{
        Artifact, ArtifactType, ContentTag, Identifier, ListNumbering, SpanTag, TableHeaderScope, Tag, TagGroup,
        TagTree,
    },
    text::TextDirection,
};
use salus_core::{Error, Result};
use std::{collections::BTreeMap, num::NonZeroU16};

/// What stands on pages, by its place in the structure.
type Leaves = BTreeMap<Leaf, Vec<Identifier>>;

/// The bytes of a document.
///
/// # Errors
/// [`Error::Internal`] when the document breaks a rule of PDF/A.
pub fn pdf(document: &Document) -> Result<Vec<u8>> {
    let configuration = ConfigurationBuilder::new().with_archival_validator(Archival::A2_A).finish();
    let configuration = configuration.map_err(|e| Error::internal(format!("{e:?}")))?;
    let mut pdf = Pdf::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    let mut tree = TagTree::new().with_lang(Some(document.language.to_owned()));
    for part in &document.parts {
        let laid = lay(part, document.page);
        let leaves = draw(&mut pdf, &laid, document.page.size())?;
        tree.push(structure(part, leaves));
    }
    let at = document.made_at;
    let made = DateTime::new(u16::try_from(at.year()).unwrap_or(0)).month(at.month().into()).day(at.day());
    let made = made.hour(at.hour()).minute(at.minute()).second(at.second()).utc_offset_hour(0).utc_offset_minute(0);
    let metadata = Metadata::new().title(document.title.clone()).language(document.language.to_owned());
    pdf.set_metadata(metadata.creator("Salus".into()).creation_date(made));
    pdf.set_tag_tree(tree);
    pdf.finish().map_err(|e| Error::internal(format!("the document is no PDF/A: {e:?}")))
}

fn draw(pdf: &mut Pdf, laid: &Laid, (width, height): (f32, f32)) -> Result<Leaves> {
    let mut leaves = Leaves::new();
    for number in 0..laid.pages {
        let settings = PageSettings::from_wh(width, height).ok_or_else(|| Error::internal("a page has a size"))?;
        let mut page = pdf.start_page_with(settings);
        let mut surface = page.surface();
        for piece in laid.pieces.iter().filter(|p| p.page == number) {
            let id = surface.start_tagged(tag(piece));
            shape(&mut surface, &piece.shape);
            surface.end_tagged();
            if let Some(leaf) = piece.of {
                leaves.entry(leaf).or_default().push(id);
            }
        }
        surface.finish();
        page.finish();
    }
    Ok(leaves)
}

fn tag(piece: &Piece) -> ContentTag<'static> {
    match (&piece.of, &piece.shape) {
        (None, Shape::Text { .. }) => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Footer)),
        (None, Shape::Fill { .. }) => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)),
        (Some(_), Shape::Text { .. }) => ContentTag::Span(SpanTag::empty()),
        (Some(_), Shape::Fill { .. }) => ContentTag::Other,
    }
}

fn shape(surface: &mut Surface<'_>, shape: &Shape) {
    match shape {
        Shape::Text { x, y, size, bold, text } => {
            surface.set_fill(Some(grey(0)));
            let (at, font) = (Point::from_xy(*x, *y), face(*bold).font.clone());
            surface.draw_text(at, font, *size, text, false, TextDirection::Auto);
        }
        Shape::Fill { x, y, width, height, grey: level } => {
            surface.set_fill(Some(grey(*level)));
            let mut path = PathBuilder::new();
            if let Some(rect) = Rect::from_xywh(*x, *y, *width, *height) {
                path.push_rect(rect);
            }
            if let Some(path) = path.finish() {
                surface.draw_path(&path);
            }
        }
    }
}

fn grey(level: u8) -> Fill {
    Fill { paint: rgb::Color::new(level, level, level).into(), opacity: NormalizedF32::ONE, rule: FillRule::default() }
}

/// The structure of a part. A block that drew nothing has none.
fn structure(part: &Part, mut leaves: Leaves) -> TagGroup {
    let mut group = TagGroup::new(Tag::Part.with_lang(Some(part.language.to_owned())));
    let mut list: Option<TagGroup> = None;
    for (at, block) in part.blocks.iter().enumerate() {
        if !matches!(block, Block::Point(_))
            && let Some(list) = list.take()
        {
            group.push(list);
        }
        let of = |leaves: &mut Leaves, row, column| leaves.remove(&(at, row, column)).unwrap_or_default();
        let with = |mut group: TagGroup, ids: Vec<Identifier>| {
            for id in ids {
                group.push(id);
            }
            group
        };
        match block {
            Block::Title(text) | Block::Heading(text) => {
                let level = if matches!(block, Block::Title(_)) { 1 } else { 2 };
                let heading = Tag::Hn(NonZeroU16::new(level).unwrap_or(NonZeroU16::MIN), Some(text.clone()));
                group.push(with(TagGroup::new(heading), of(&mut leaves, 0, 0)));
            }
            Block::Text(_) | Block::Small(_) => group.push(with(TagGroup::new(Tag::P), of(&mut leaves, 0, 0))),
            Block::Point(_) => {
                let mut item = TagGroup::new(Tag::LI);
                item.push(with(TagGroup::new(Tag::Lbl), of(&mut leaves, 0, 0)));
                item.push(with(TagGroup::new(Tag::LBody), of(&mut leaves, 0, 1)));
                list.get_or_insert_with(|| TagGroup::new(Tag::L(ListNumbering::Disc))).push(item);
            }
            Block::Bars { words, .. } => {
                group.push(with(TagGroup::new(Tag::Figure(Some(words.clone()))), of(&mut leaves, 0, 0)));
            }
            Block::Table(table) => {
                let mut told = TagGroup::new(Tag::Table);
                let first = usize::from(table.head.is_empty());
                for row in first..=table.rows.len() {
                    let mut line = TagGroup::new(Tag::TR);
                    for column in 0..table.widths.len() {
                        let ids = of(&mut leaves, row, column);
                        let cell = if row == 0 {
                            TagGroup::new(Tag::TH(TableHeaderScope::Column))
                        } else if table.head.is_empty() && column == 0 {
                            TagGroup::new(Tag::TH(TableHeaderScope::Row))
                        } else {
                            TagGroup::new(Tag::TD)
                        };
                        line.push(with(cell, ids));
                    }
                    told.push(line);
                }
                group.push(told);
            }
            Block::Room(_) => {}
        }
    }
    if let Some(list) = list {
        group.push(list);
    }
    group
}

#[cfg(test)]
mod tests {
    use super::super::layout::{Bar, Page, Table};
    use super::*;
    use time::macros::datetime;

    fn document(rows: usize) -> Document {
        let cell =
            |n: usize| vec![format!("{n}"), "Invented, with a long text that does not fit into one line of it".into()];
        let table = Table {
            head: vec!["No.".into(), "What".into()],
            widths: vec![1.0, 2.0],
            rows: (0..rows).map(cell).collect(),
        };
        let bars = (1..40).map(|n| Bar { label: format!("{n}"), count: (n % 5 != 0).then_some(n) }).collect();
        let blocks = vec![
            Block::Title("Report 学".into()),
            Block::Heading("A chart".into()),
            Block::Bars { words: "Cases by day".into(), bars },
            Block::Text("Words.\nMore of them: Conceição, Ñuñez.".into()),
            Block::Point("One".into()),
            Block::Point("Two".into()),
            Block::Room(2),
            Block::Table(table),
            Block::Table(Table {
                head: vec![],
                widths: vec![1.0, 1.0],
                rows: vec![vec!["a".into(), "\n".repeat(200) + "b"]],
            }),
        ];
        let part = |language| Part { language, foot: "Foot".into(), blocks: blocks.clone() };
        Document {
            title: "Report".into(),
            language: "en",
            page: Page::Letter,
            made_at: datetime!(2026-03-02 17:00 UTC),
            parts: vec![part("en"), part("pt-BR")],
        }
    }

    #[test]
    fn a_document_is_an_archive_pdf_and_the_same_one_each_time() {
        let first = pdf(&document(120)).unwrap();
        assert!(first.starts_with(b"%PDF-1.7"));
        assert_eq!(first, pdf(&document(120)).unwrap());
        let text = String::from_utf8_lossy(&first);
        assert!(text.contains("pdfaid:part") && text.contains("Salus") && !text.contains("Invented"));
        assert!(pdf(&Document { parts: vec![], ..document(0) }).is_ok(), "nothing is an empty page");
    }

    #[test]
    fn every_row_stands_on_a_page_and_none_below_its_foot() {
        let document = document(120);
        let laid = lay(&document.parts[0], Page::Letter);
        assert!(laid.pages > 4, "{}", laid.pages);
        let rows: std::collections::BTreeSet<usize> =
            laid.pieces.iter().filter_map(|p| p.of).filter(|(block, ..)| *block == 7).map(|(_, row, _)| row).collect();
        assert_eq!(rows.len(), 121, "with the heads");
        for piece in laid.pieces.iter().filter(|p| p.of.is_some()) {
            if let Shape::Text { x, y, .. } = piece.shape {
                assert!(y < 792.0 - 54.0 - 29.0 && x >= 54.0, "{y}");
            }
        }
    }

    fn of(parts: Vec<Vec<Block>>) -> Document {
        let part = |blocks| Part { language: "es", foot: "Larkspur".into(), blocks };
        Document { parts: parts.into_iter().map(part).collect(), ..document(0) }
    }

    #[test]
    fn each_part_has_pages_of_its_own_in_letters_of_many_languages() {
        let all = of(vec![
            vec![Block::Title("Aviso".into()), Block::Text("Ñandú, João, Nguyễn, Иван, שרה".into())],
            vec![Block::Small("Second".into())],
        ]);
        assert!(pdf(&all).unwrap().starts_with(b"%PDF-"));
        let said = all.texts();
        assert_eq!(said.len(), 2);
        assert!(said[0].contains("Ñandú, João, Nguyễn, Иван") && said[0].contains("Larkspur"), "{said:?}");
        assert!(said.iter().all(|page| page.contains("Página 1 de 1")), "{said:?}");
    }

    #[test]
    fn a_long_table_goes_on_with_its_heads_and_no_row_is_lost() {
        let rows: Vec<Vec<String>> = (0..200).map(|n| vec![format!("row-{n}"), "a dose".repeat(n % 9)]).collect();
        let table = Table { widths: vec![1.0, 3.0], head: vec!["Which".into(), "What".into()], rows };
        let said = of(vec![vec![Block::Heading("All".into()), Block::Table(table)]]).texts();
        assert!(said.len() > 3, "{} pages", said.len());
        assert!(said.iter().all(|page| page.contains("Which")), "heads on each page");
        let whole = said.join("\n");
        for n in 0..200 {
            assert_eq!(whole.lines().filter(|line| *line == format!("row-{n}")).count(), 1, "row {n}");
        }
        assert!(said.last().unwrap().contains(&format!("{0} de {0}", said.len())));
    }

    #[test]
    fn what_the_faces_cannot_show_is_refused_where_that_is_asked() {
        let wrong = of(vec![vec![Block::Text("李".into())]]);
        let refused = wrong.refuse_unprintable().unwrap_err();
        assert!(matches!(&refused, Error::Invalid(fields) if fields[0].code == "unprintable"), "{refused}");
        assert!(of(vec![vec![Block::Point("Łucja".into())]]).refuse_unprintable().is_ok());
    }
}
