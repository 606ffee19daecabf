"""Usual names of columns, best first, in any language: what several tasks read and answer."""

from __future__ import annotations

TEXT_HINTS = (
    "text", "message", "body", "sentence", "utterance", "content", "contents", "query", "question", "description",
    "comment", "review", "review_text", "document", "post", "tweet", "transcript", "feedback", "input", "prompt",
    "subject", "title", "headline", "summary", "inquiry", "request", "ticket", "email", "mail", "note", "notes",
    "本文", "テキスト", "文章", "文", "内容", "問い合わせ内容", "お問い合わせ内容", "問合せ内容", "質問内容",
    "メッセージ", "質問", "発話", "発言", "コメント", "口コミ", "レビュー", "感想", "自由記述", "説明", "詳細", "備考",
    "件名", "タイトル", "お問い合わせ", "問い合わせ", "要望", "ご意見", "メール本文", "入力",
)  # fmt: skip
LABEL_HINTS = (
    "label", "labels", "category", "class", "intent", "target", "department", "topic", "sentiment", "tag", "y",
    "answer", "output", "gold", "team", "queue", "route", "type", "kind", "group", "domain", "emotion", "rating",
    "priority", "author", "intents", "categories", "topics", "tags", "class_name", "label_text", "category_name", "status",
    "ラベル", "カテゴリ", "カテゴリー", "分類", "区分", "種別", "種類", "意図", "担当部署", "部署", "部門", "担当",
    "担当者", "対応部署", "振り分け先", "宛先", "感情", "評価", "トピック", "タグ", "クラス", "正解", "正解ラベル",
    "ジャンル", "作者", "著者", "優先度", "問い合わせ種別", "答え",
)  # fmt: skip
FIRST_HINTS = (
    "sentence1", "text1", "text_1", "sentence_1", "text_a", "sentence_a", "premise", "question1", "query", "source", "first",
    "left", "文1", "テキスト1", "質問1", "前提",
)  # fmt: skip
SECOND_HINTS = (
    "sentence2", "text2", "text_2", "sentence_2", "text_b", "sentence_b", "hypothesis", "question2", "candidate", "target_text",
    "second", "right", "文2", "テキスト2", "質問2", "仮説",
)  # fmt: skip
