"""Exclusions in plain words: queries of which a person knows the right reading."""

from __future__ import annotations

import pytest

from search.language import parse, to_text

# What is typed, and what it is read as. A query that only looks like an exclusion reads as itself.
ENGLISH = """
a dog and a cat, but no cartoon = a dog and a cat -cartoon
beach without people = beach -people
beach with no people = beach -people
beach no people = beach -people
a beach, no people = a beach -people
city at night but without cars = city at night -cars
street without any cars = street -cars
street without cars or people = street -cars -people
street without cars and people = street -cars -people
street without cars, bikes or people = street -cars -bikes -people
no people no cars = -people -cars
landscape with no people and no cars = landscape -people -cars
landscape, no people, no houses = landscape -people -houses
no people = -people
without people = -people
photos without people = -people
everything except dogs = -dogs
animals except dogs = animals -dogs
fruit except for bananas = fruit -bananas
dogs, not puppies = dogs -puppies
dogs but not puppies = dogs -puppies
a bird, not flying = a bird -flying
sunset excluding beaches = sunset -beaches
cake without candles in the background = cake -candles
a mountain without snow on it = a mountain -snow
a portrait without glasses please = a portrait -glasses
a park where there are no children = a park -children
a field with no visible people = a field -people
portraits but not in black and white = portraits -"black and white"
dogs but not on grass = dogs -grass
the dog is not on the grass = the dog is not on the grass
not a dog = -dog
NOT dog = -dog
not available = not available
a bus not in service = a bus not in service
a camera, not in focus = a camera, not in focus
a man not wearing anything = a man not wearing anything
not a cloud in the sky = not a cloud in the sky
anything but cats = -cats
neither dogs nor cats = -dogs -cats
a couple, neither smiling = a couple, neither smiling
a beach with nobody on it = a beach -people
a street with no one = a street -people
a street without anyone = a street -people
no people on the beach = the beach -people
there are no people on the beach = the beach -people
no people or cars on the street = the street -people -cars
a street empty of cars = a street -cars
a plate free of meat = a plate -meat
free of charge = free of charge
a kitchen lacking a window = a kitchen -window
city w/o cars = city -cars
a bike instead of a car = a bike -car
a woman not wearing glasses = a woman -glasses
a man who is not wearing a hat = a man -hat
a man without a hat = a man -hat
a city at night (no cars) = a city at night -cars
beach (but no people) at sunset = beach, at sunset -people
dogs (puppies) = dogs (puppies)
I don't want any cars in it, a city = a city -cars
nothing but sky = nothing but sky
portraits, not black and white = portraits -"black and white"
kitchen without a red chair = kitchen -"red chair"
wedding but no bride and groom = wedding -"bride and groom"
food but don't show meat = food -meat
a boy without a shirt on = a boy -shirt
tree with no leaves = tree -leaves
man wearing no shirt = man -shirt
a dog, no leash, on a beach = a dog, on a beach -leash
a dog without a leash, running = a dog, running -leash
snow without people, trees = snow, trees -people
a cat that is not sleeping = a cat that is not sleeping
a man without a shirt climbs a rock wall = a man without a shirt climbs a rock wall
a man with no shirt playing tennis = a man with no shirt playing tennis
a man without a shirt climbs = a man without a shirt climbs
people standing behind a no skiing sign = people standing behind a no skiing sign
no smoking sign = no smoking sign
no entry = no entry
no parking = no parking
no dogs allowed = no dogs allowed
sign that says no diving = sign that says no diving
sin city = sin city
sans serif = sans serif
Nothing without you = Nothing without you
doctors without borders = doctors without borders
a man with no name = a man with no name
a bike ride with no hands = a bike ride with no hands
hear no evil, speak no evil, see no evil = hear no evil, speak no evil, see no evil
I have no idea = I have no idea
the dog is not on the sofa = the dog is not on the sofa
house no 12 = house no 12
No Doubt = No Doubt
Dr. No = Dr. No
no longer = no longer
a no sleeve shirt = a no sleeve shirt
empty seats except for two people = empty seats except for two people
all in black dresses at a party except the bride = all in black dresses at a party except the bride
a boy with no shirt and white shorts = a boy with no shirt and white shorts
a small dog leaping, but not very high = a small dog leaping, but not very high
"beach without people" = "beach without people"
a "no smoking" sign = a sign "no smoking"
"""

SPANISH = """
playa sin gente = playa -gente
sin gente = -gente
calle sin coches = calle -coches
calle sin coches ni gente = calle -coches -gente
calle sin coches o gente = calle -coches -gente
perro sin correa = perro -correa
un perro, pero sin correa = un perro -correa
un perro pero no un gato = un perro -gato
un perro y un gato, pero no dibujos animados = un perro y un gato -"dibujos animados"
una playa sin ninguna persona = una playa -persona
ciudad de noche sin coches = ciudad de noche -coches
montaña sin nieve = montaña -nieve
bosque donde no hay gente = bosque -gente
playa en la que no hay gente = playa -gente
calle, no hay coches = calle -coches
fotos sin personas = -personas
todo excepto perros = -perros
animales excepto perros = animales -perros
animales salvo gatos = animales -gatos
animales menos perros = animales -perros
fruta sin plátanos = fruta -plátanos
retrato sin gafas = retrato -gafas
retrato sin gafas de sol = retrato -"gafas de sol"
jardín sin flores rojas = jardín -"flores rojas"
mesa sin platos ni vasos = mesa -platos -vasos
niño sin camiseta, en la playa = niño, en la playa -camiseta
paisaje sin edificios al fondo = paisaje -edificios
boda sin los novios = boda -novios
comida sin carne, por favor = comida, por favor -carne
cocina sin una silla roja = cocina -"silla roja"
gato que no sea negro = gato -negro
playa sin que haya gente = playa -gente
un hombre sin camisa escala una pared de roca = un hombre sin camisa escala una pared de roca
una mujer sin sombrero en la playa = una mujer sin sombrero en la playa
calle sin salida = calle sin salida
médicos sin fronteras = médicos sin fronteras
persona sin hogar = persona sin hogar
sin embargo = sin embargo
no fumar = no fumar
señal de no pasar = señal de no pasar
no sin ti = no sin ti
el perro no está en el sofá = el perro no está en el sofá
al menos un perro = al menos un perro
pan sin gluten = pan sin gluten
no hay gente en la playa = la playa -gente
playa donde no hay nadie = playa -gente
ni perros ni gatos = -perros -gatos
perro, nada de gatos = perro -gatos
el perro nada de espaldas = el perro nada de espaldas
una casa que no es blanca = una casa -blanca
"playa sin gente" = "playa sin gente"
"""

GERMAN = """
Strand ohne Menschen = Strand -Menschen
ohne Menschen = -Menschen
Straße ohne Auto = Straße -Auto
Straße ohne Autos = Straße -Autos
Straße ohne Autos und Menschen = Straße -Autos -Menschen
Straße ohne Autos oder Menschen = Straße -Autos -Menschen
Straße ohne Autos, Räder oder Menschen = Straße -Autos -Räder -Menschen
Hund ohne Leine = Hund -Leine
ein Hund, aber keine Katze = ein Hund -Katze
ein Hund und eine Katze, aber kein Cartoon = ein Hund und eine Katze -Cartoon
ein Hund aber ohne Leine = ein Hund -Leine
Strand, keine Menschen = Strand -Menschen
keine Menschen = -Menschen
keine Menschen, keine Autos = -Menschen -Autos
Berg ohne Schnee = Berg -Schnee
Stadt bei Nacht ohne Autos = Stadt bei Nacht -Autos
Fotos ohne Personen = -Personen
Bilder ohne Text = -Text
alles außer Hunde = -Hunde
Tiere außer Hunden = Tiere -Hunden
Tiere, nicht Hunde = Tiere -Hunde
Porträt ohne Brille = Porträt -Brille
Porträt ohne eine Brille = Porträt -Brille
Garten ohne rote Blumen = Garten -"rote Blumen"
Tisch ohne Teller und Gläser = Tisch -Teller -Gläser
Landschaft ohne Häuser im Hintergrund = Landschaft -Häuser
Wiese, auf der keine Menschen zu sehen sind = Wiese -Menschen
Strand wo keine Menschen sind = Strand -Menschen
Park ohne spielende Kinder = Park -"spielende Kinder"
Kuchen ohne Kerzen bitte = Kuchen -Kerzen
strand ohne menschen = strand -menschen
hochzeit ohne braut = hochzeit -braut
Kind ohne Mütze, im Schnee = Kind, im Schnee -Mütze
Essen ohne Fleisch = Essen -Fleisch
Mann ohne Hemd klettert = Mann ohne Hemd klettert
ein Mann ohne Hemd klettert an einer Felswand = ein Mann ohne Hemd klettert an einer Felswand
Frau ohne Hut am Strand = Frau ohne Hut am Strand
Ärzte ohne Grenzen = Ärzte ohne Grenzen
Schild kein Zutritt = Schild kein Zutritt
kein Problem = kein Problem
der Hund ist nicht auf dem Sofa = der Hund ist nicht auf dem Sofa
nicht nur Hunde = nicht nur Hunde
Party ohne Ende = Party ohne Ende
nicht ohne dich = nicht ohne dich
keine Menschen am Strand = Strand -Menschen
keine Autos auf der Straße = Straße -Autos
Straße, nicht bei Nacht = Straße -Nacht
weder Hunde noch Katzen = -Hunde -Katzen
Strand ohne jemanden = Strand -Menschen
das Haus statt der Kirche = das Haus -Kirche
"Strand ohne Menschen" = "Strand ohne Menschen"
"""

FRENCH = """
plage sans personne = plage -personne
rue sans voiture = rue -voiture
rue sans voitures = rue -voitures
sans voiture = -voiture
rue sans voitures ni piétons = rue -voitures -piétons
rue sans voitures ou piétons = rue -voitures -piétons
rue sans voitures, vélos ou piétons = rue -voitures -vélos -piétons
une plage sans gens = une plage -gens
chien sans laisse = chien -laisse
un chien, mais pas de chat = un chien -chat
un chien mais sans laisse = un chien -laisse
un chien et un chat, mais pas de dessin animé = un chien et un chat -"dessin animé"
un chien, pas un chat = un chien -chat
plage où il n'y a pas de gens = plage -gens
plage, pas de gens = plage -gens
pas de gens = -gens
ville la nuit sans voitures = ville la nuit -voitures
montagne sans neige = montagne -neige
arbre sans feuilles = arbre -feuilles
rue sans aucune voiture = rue -voiture
jardin sans fleurs rouges = jardin -"fleurs rouges"
table sans assiettes ni verres = table -assiettes -verres
photos sans personnes = -personnes
tout sauf les chiens = -chiens
animaux sauf les chiens = animaux -chiens
fruits sauf bananes = fruits -bananes
animaux hormis les chats = animaux -chats
portrait sans lunettes = portrait -lunettes
portrait sans lunettes de soleil = portrait -"lunettes de soleil"
paysage sans maisons au fond = paysage -maisons
gâteau sans bougies s'il te plaît = gâteau -bougies
mariage sans la mariée = mariage -mariée
rue, pas d'arbres = rue -arbres
cuisine sans chaise rouge = cuisine -"chaise rouge"
un enfant sans chapeau, dans la neige = un enfant, dans la neige -chapeau
un homme sans chemise escalade un mur = un homme sans chemise escalade un mur
une femme sans chapeau sur la plage = une femme sans chapeau sur la plage
médecins sans frontières = médecins sans frontières
sans abri = sans abri
casque sans fil = casque sans fil
sans doute = sans doute
pas de deux = pas de deux
pas de Calais = pas de Calais
le chien n'est pas sur le canapé = le chien n'est pas sur le canapé
sans toi = sans toi
pas de gens sur la plage = la plage -gens
un chat qui n'est pas noir = un chat -noir
un chat qui n'a pas de queue = un chat -queue
des pommes plutôt que des poires = des pommes -poires
"rue sans voiture" = "rue sans voiture"
"""

CHINESE = """
没有人的海滩 = 海滩 -人
海滩没有人 = 海滩 -人
海滩，没有人 = 海滩 -人
没有人 = -人
没有车的街道 = 街道 -车
街道，没有车和人 = 街道 -车 -人
没有人也没有车的街道 = 街道 -人 -车
街道没有车没有人 = 街道 -车 -人
一只狗，但没有猫 = 一只狗 -猫
一只狗和一只猫，但不要卡通 = 一只狗和一只猫 -卡通
狗，不要猫 = 狗 -猫
狗，不是卡通 = 狗 -卡通
狗但没有绳子 = 狗 -绳子
海边没有任何人 = 海边 -人
没有雪的山 = 山 -雪
没有叶子的树 = 树 -叶子
没有任何人的公园 = 公园 -人
照片里没有人 = -人
没有人的照片 = -人
除了狗以外的动物 = 动物 -狗
动物，除了狗 = 动物 -狗
除了狗 = -狗
夜晚的城市，没有汽车 = 夜晚的城市 -汽车
夜晚的城市没有汽车 = 夜晚的城市 -汽车
风景，不含建筑 = 风景 -建筑
风景不包括房子 = 风景 -房子
无人的海滩 = 海滩 -人
沒有人的海灘 = 海灘 -人
街道，沒有車 = 街道 -車
不要人 = -人
没人的街道 = 街道 -人
没有戴帽子的男人 = 男人 -帽子
没有蜡烛的蛋糕 = 蛋糕 -蜡烛
蛋糕，没有蜡烛、没有水果 = 蛋糕 -蜡烛 -水果
红色的花，没有叶子 = 红色的花 -叶子
餐桌上没有盘子和杯子 = 餐桌上 -盘子 -杯子
婚礼，没有新娘 = 婚礼 -新娘
beach 没有人 = beach -人
没有人 beach = beach -人
一个没有穿上衣的男人正在攀爬一面岩壁 = 一个没有穿上衣的男人正在攀爬一面岩壁
无人机 = 无人机
无花果 = 无花果
无锡 = 无锡
有没有狗的照片 = 有没有狗的照片
没有问题 = 没有问题
没问题 = 没问题
除了狗还有猫 = 除了狗还有猫
日出 = 日出
"没有人的海滩" = "没有人的海滩"
"""

OTHERS = """
man med sin hund = man med sin hund
cachorro no parque com uma bola = cachorro no parque com uma bola
"""


def cases(*tables: str) -> list[tuple[str, str]]:
    lines = [line for table in tables for line in table.strip().splitlines()]
    return [(typed, meant) for typed, _, meant in (line.partition(" = ") for line in lines)]


@pytest.mark.parametrize("table", [ENGLISH, SPANISH, GERMAN, FRENCH, CHINESE])
def test_there_are_enough_queries_of_each_language(table):
    assert len(cases(table)) >= 40


@pytest.mark.parametrize(
    ("typed", "meant"), cases(ENGLISH, SPANISH, GERMAN, FRENCH, CHINESE, OTHERS)
)
def test_a_query_is_read_as_a_person_would(typed, meant):
    assert to_text(parse(typed)) == meant
    assert parse(to_text(parse(typed))) == parse(typed)
