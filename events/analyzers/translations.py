"""The texts of the rules in the language of `TEXT_LANGUAGE`.

English texts are patterns for `str.format`, and the keys of `ROWS`. Sentences in other languages avoid what depends on
gender and number: "Person (2), Auto".
"""

from __future__ import annotations

from django.conf import settings

from events.analyzers.languages import ENGLISH, LANGUAGES

TRANSLATED_TO = ("German", "French", "Spanish", "Dutch", "Italian", "Portuguese")
# fmt: off
ROWS: dict[str, tuple[str, str, str, str, str, str]] = {
    "Nothing was detected at {where}": (
        "Nichts erkannt: {where}", "Rien de détecté : {where}", "Nada detectado: {where}",
        "Niets gedetecteerd: {where}", "Niente rilevato: {where}", "Nada detetado: {where}",
    ),
    "{what} at {where}, {stay}": ("{what}: {where}, {stay}",) * 6,
    "{name} at {time}": (
        "{name} um {time}", "{name} à {time}", "{name} a las {time}", "{name} om {time}", "{name} alle {time}",
        "{name} às {time}",
    ),
    "a camera": ("eine Kamera", "une caméra", "una cámara", "een camera", "una telecamera", "uma câmara"),
    "{names} and more": (
        "{names} und mehr", "{names} et plus", "{names} y más", "{names} en meer", "{names} e altro", "{names} e mais",
    ),
    "in the street": ("auf der Straße", "dans la rue", "en la calle", "op straat", "in strada", "na rua"),
    "at the entrance": ("am Eingang", "à l'entrée", "en la entrada", "bij de ingang", "all'ingresso", "na entrada"),
    "in the driveway": (
        "in der Einfahrt", "dans l'allée", "en el acceso", "op de oprit", "nel vialetto", "no acesso",
    ),
    "indoors": ("im Haus", "à l'intérieur", "en el interior", "binnen", "all'interno", "no interior"),
    "on private ground": (
        "auf Privatgrund", "sur un terrain privé", "en terreno privado", "op eigen terrein", "in area privata",
        "em terreno privado",
    ),
    "seen": ("gesehen", "vu", "visto", "gezien", "visto", "visto"),
    "for {duration}": (
        "{duration} lang", "pendant {duration}", "durante {duration}", "{duration} lang", "per {duration}",
        "durante {duration}",
    ),
    "in 1 picture": ("in 1 Bild", "sur 1 image", "en 1 imagen", "op 1 beeld", "in 1 immagine", "em 1 imagem"),
    "in {count} pictures": (
        "in {count} Bildern", "sur {count} images", "en {count} imágenes", "op {count} beelden",
        "in {count} immagini", "em {count} imagens",
    ),
    "1 second": ("1 Sekunde", "1 seconde", "1 segundo", "1 seconde", "1 secondo", "1 segundo"),
    "{count} seconds": (
        "{count} Sekunden", "{count} secondes", "{count} segundos", "{count} seconden", "{count} secondi",
        "{count} segundos",
    ),
    "{count} minutes": (
        "{count} Minuten", "{count} minutes", "{count} minutos", "{count} minuten", "{count} minuti",
        "{count} minutos",
    ),
    "Score 0 by rules: nothing was detected.": (
        "Punkte nach Regeln 0: nichts erkannt.", "Score 0 selon les règles : rien de détecté.",
        "Puntuación 0 por reglas: nada detectado.", "Score 0 volgens regels: niets gedetecteerd.",
        "Punteggio 0 secondo le regole: niente rilevato.", "Pontuação 0 por regras: nada detetado.",
    ),
    "Score {score} by rules, for {what}:": (
        "Punkte nach Regeln {score}, für {what}:", "Score {score} selon les règles, pour {what} :",
        "Puntuación {score} por reglas, por {what}:", "Score {score} volgens regels, voor {what}:",
        "Punteggio {score} secondo le regole, per {what}:", "Pontuação {score} por regras, para {what}:",
    ),
    "Together {total}, held at {held}: {why}": (
        "Zusammen {total}, begrenzt auf {held}: {why}", "Ensemble {total}, limité à {held} : {why}",
        "En total {total}, limitado a {held}: {why}", "Samen {total}, beperkt tot {held}: {why}",
        "In totale {total}, limitato a {held}: {why}", "No total {total}, limitado a {held}: {why}",
    ),
    "100 is the highest score": (
        "100 ist das Höchste", "100 est le maximum", "100 es el máximo", "100 is het maximum", "100 è il massimo",
        "100 é o máximo",
    ),
    "the detector is not sure (best confidence {share})": (
        "der Detektor ist nicht sicher (höchstens {share})", "le détecteur n'est pas sûr (au mieux {share})",
        "el detector no está seguro (como mucho {share})", "de detector is niet zeker (hoogstens {share})",
        "il rilevatore non è sicuro (al massimo {share})", "o detetor não tem certeza (no máximo {share})",
    ),
    "In the street": ("Auf der Straße", "Dans la rue", "En la calle", "Op straat", "In strada", "Na rua"),
    "The camera has no place, and counts as one at the entrance": (
        "Die Kamera hat keinen Ort und gilt als Kamera am Eingang",
        "La caméra n'a pas de lieu et compte comme une caméra à l'entrée",
        "La cámara no tiene lugar y cuenta como una en la entrada",
        "De camera heeft geen plaats en telt als een camera bij de ingang",
        "La telecamera non ha un luogo e vale come una all'ingresso",
        "A câmara não tem lugar e conta como uma na entrada",
    ),
    "At the entrance": ("Am Eingang", "À l'entrée", "En la entrada", "Bij de ingang", "All'ingresso", "Na entrada"),
    "In the driveway": (
        "In der Einfahrt", "Dans l'allée", "En el acceso", "Op de oprit", "Nel vialetto", "No acesso",
    ),
    "Indoors": ("Im Haus", "À l'intérieur", "En el interior", "Binnen", "All'interno", "No interior"),
    "On private ground": (
        "Auf Privatgrund", "Sur un terrain privé", "En terreno privado", "Op eigen terrein", "In area privata",
        "Em terreno privado",
    ),
    "Seen here at this hour on {days} of the last {every} days": (
        "Um diese Zeit hier an {days} der letzten {every} Tage gesehen",
        "Vu ici à cette heure {days} des {every} derniers jours",
        "Visto aquí a esta hora {days} de los últimos {every} días",
        "Op dit uur hier gezien op {days} van de laatste {every} dagen",
        "Visto qui a quest'ora in {days} degli ultimi {every} giorni",
        "Visto aqui a esta hora em {days} dos últimos {every} dias",
    ),
    "Never seen here at this hour in the last {every} days": (
        "Um diese Zeit hier in den letzten {every} Tagen nie gesehen",
        "Jamais vu ici à cette heure ces {every} derniers jours",
        "Nunca visto aquí a esta hora en los últimos {every} días",
        "Op dit uur hier niet gezien in de laatste {every} dagen",
        "Mai visto qui a quest'ora negli ultimi {every} giorni",
        "Nunca visto aqui a esta hora nos últimos {every} dias",
    ),
    "After sunset and before sunrise ({time})": (
        "Nach Sonnenuntergang und vor Sonnenaufgang ({time})", "Après le coucher et avant le lever du soleil ({time})",
        "Tras la puesta y antes de la salida del sol ({time})", "Na zonsondergang en voor zonsopgang ({time})",
        "Dopo il tramonto e prima dell'alba ({time})", "Após o pôr e antes do nascer do sol ({time})",
    ),
    "At night ({time})": (
        "Nachts ({time})", "La nuit ({time})", "De noche ({time})", "'s Nachts ({time})", "Di notte ({time})",
        "De noite ({time})",
    ),
    "Stayed for {duration}": (
        "Blieb {duration}", "Resté {duration}", "Se quedó {duration}", "Bleef {duration}", "Rimasto {duration}",
        "Ficou {duration}",
    ),
    "Stayed where people usually pass": (
        "Blieb, wo man sonst vorbeigeht", "Resté là où l'on ne fait que passer", "Se quedó donde se suele pasar",
        "Bleef waar men gewoonlijk voorbijloopt", "Rimasto dove di solito si passa", "Ficou onde se costuma passar",
    ),
    "Between vehicles at night": (
        "Nachts zwischen Fahrzeugen", "La nuit entre des véhicules", "De noche entre vehículos",
        "'s Nachts tussen voertuigen", "Di notte tra veicoli", "De noite entre veículos",
    ),
    "{count} people at once at night": (
        "{count} Personen zugleich bei Nacht", "{count} personnes à la fois la nuit",
        "{count} personas a la vez de noche", "{count} personen tegelijk 's nachts",
        "{count} persone insieme di notte", "{count} pessoas ao mesmo tempo à noite",
    ),
    "Not a known person": (
        "Keine bekannte Person", "Pas une personne connue", "No es una persona conocida", "Geen bekende persoon",
        "Non è una persona nota", "Não é uma pessoa conhecida",
    ),
    "{what} in {count} pictures": (
        "{what} in {count} Bildern", "{what} sur {count} images", "{what} en {count} imágenes",
        "{what} op {count} beelden", "{what} in {count} immagini", "{what} em {count} imagens",
    ),
    "An animal that attacks people": (
        "Ein Tier, das Menschen angreift", "Un animal qui attaque", "Un animal que ataca", "Een dier dat aanvalt",
        "Un animale che attacca", "Um animal que ataca",
    ),
}
# fmt: on
# The first word of a language for each label. German nouns begin with a capital.
LABELS: dict[str, dict[str, str]] = {
    language.name: {
        english: word.capitalize() if language.name == "German" else word
        for word, english in reversed(list(language.things.items()))
    }
    for language in LANGUAGES
}


def translated(pattern: str, **values: object) -> str:
    """Return the text of `pattern` in the configured language, with the values. An unknown pattern stays English."""
    language: str = settings.TEXT_LANGUAGE
    if language != ENGLISH and pattern in ROWS:
        pattern = ROWS[pattern][TRANSLATED_TO.index(language)]
    return pattern.format(**values)


def is_english() -> bool:
    return bool(settings.TEXT_LANGUAGE == ENGLISH)


def label_name(label: str) -> str:
    """Return the word for a label in the configured language, or the label itself."""
    return LABELS[settings.TEXT_LANGUAGE].get(label, label)
